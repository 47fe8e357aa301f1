// Command mapae is the whole of Mapae in one static binary: package web over
// package mapae with SQLite in a data directory, or with PostgreSQL.
//
//	mapae serve                                  at http://localhost:8080, in ./data
//	mapae serve --origin https://example.com     behind a reverse proxy
//	mapae invite                                 an invitation to sign up
//	mapae user recover LOGIN                     a link that gets a person back into their account
//	mapae user add, list, disable, enable        accounts, and with passkeys, sessions what they have
//	mapae events LOGIN                           what happened to an account
//	mapae metadata show blob.jwt --root r3.pem   models of authenticators, and what is reported of them
//	mapae migrate --status                       the version of the tables
//	mapae backup FILE                            a copy of the database, while servers run
//	mapae restore FILE                           a backup in the place of the database
//	mapae doctor --deep                          how the database is, read from end to end
//	mapae keys new                               the key file of a new installation on PostgreSQL
//	mapae keys add, promote, retire, list        another root key, step by step, without a pause
//	mapae import SYSTEM FILE|URL                 accounts and passkeys of another system
//	mapae export                                 accounts and passkeys as lines of JSON
//	mapae load                                   sign-ins a second, how long one takes, what it costs
//	mapae config show, check                     the settings in force, where they are from, whether they fit
//	mapae completion bash|zsh|fish               commands, flags and values completed by a shell
//	mapae health                                 whether the server on this machine is well
//	mapae version                                what this binary is made of
//
// It owns the settings (flags, environment, file), the wiring, TLS and how the
// process starts and ends. It never decides anything about sign-in: each
// setting ends in a member of mapae.Config or web.Config, which check it.
//
// # Settings
//
// A setting is a flag (--sign-up), an environment variable (MAPAE_SIGN_UP) or
// a member of a YAML file (sign-up), in this order; what is set nowhere has the
// default that --help shows. The file is the one that --config names, or
// mapae.yaml in the data directory where there is one. A name that is no
// setting is refused.
//
// Exit codes: 0 ended as asked, 1 failed, 2 a mistake in the settings, of which
// all are named.
//
// # Building
//
//	CGO_ENABLED=0 go build -trimpath -tags nopgxregisterdefaulttypes -ldflags="-s -w -buildid= -funcalign=16" ./cmd/mapae
//
// gives the same bytes from the same source and the same Go, on any machine.
package main
