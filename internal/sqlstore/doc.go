// Package sqlstore owns every query of the SQL stores, once for all engines:
// the text, and the scanning of what comes back. It never knows a driver: an
// engine gives it a Querier.
//
// The text is what SQLite and PostgreSQL both speak. Parameters are $1…$n,
// each number first appearing in order (SQLite numbers them by appearance).
// Columns hold bytes, text and 64-bit integers; a time is in microseconds
// since 1970, 0 the zero time; a bool is 0 or 1; lists are JSON text. Tables
// are named mapae_… so that they can live beside an application's own.
package sqlstore
