package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine bounds a line of JSON: an account with a hundred passkeys fits.
const maxLine = 1 << 20

// readLines calls each with what parse makes of every line of a file, or of
// standard input where it is "-". Empty lines are passed over; one that is too
// long can't be read, and the next one can.
func readLines(from string, parse func([]byte) Account, each func(Account) error) (err error) {
	f := os.Stdin
	if from != "-" {
		if f, err = os.Open(from); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
	}
	in := bufio.NewReaderSize(f, 64<<10)
	for n := 1; ; n++ {
		line, long, err := readLine(in)
		if len(line) > 0 || long {
			a := Account{Err: fmt.Errorf("it has more than %d bytes", maxLine)}
			if !long {
				a = parse(line)
			}
			if a.Label == "" {
				a.Label = fmt.Sprintf("line %d", n)
			}
			if err := each(a); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine returns the next line without its end, or that it is too long; then
// it has been passed over.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			line, long = nil, true
		}
		if !long {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
				line = line[:len(line)-1]
			}
			return line, long, err
		}
	}
}
