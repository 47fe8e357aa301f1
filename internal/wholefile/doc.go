// Package wholefile owns how a file comes into being that is whole or not
// there, whatever fails meanwhile. It never replaces a file.
package wholefile
