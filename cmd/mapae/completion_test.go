package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// completionOf returns a line that reads the script for a shell, which is too
// long for an argument.
func completionOf(t *testing.T, shell string) string {
	t.Helper()
	script, err := exec.Command("mapae", "completion", shell).Output()
	path := filepath.Join(t.TempDir(), "completion")
	if err = errors.Join(err, os.WriteFile(path, script, 0o600)); err != nil {
		t.Fatal(err)
	}
	return "source '" + path + "'"
}

// typed are lines that end where somebody presses Tab, and what is offered.
var typed = []struct {
	line        string
	has, hasNot []string
}{
	{"mapae ", []string{"serve", "keys", "user", "completion"}, []string{"add", "promote"}},
	{"mapae keys ", []string{"new", "add", "promote", "retire"}, []string{"serve"}},
	{"mapae keys retire --", []string{"--yes", "--key-file", "--origin"}, []string{"--sign-up=", "--deep"}},
	{"mapae serve --listen x --", []string{"--tls-cert", "--sign-up"}, []string{"--deep"}},
	{"mapae serve --sign-up ", []string{"open", "invited", "closed"}, []string{"serve"}},
	{"mapae serve --key-file t", []string{"testdata"}, []string{"--listen"}},
	{"mapae serve --listen ", nil, []string{"serve", "--origin"}},
	{"mapae user --data keys passkeys --", []string{"--remove"}, []string{"--yes"}},
}

// offered asks a shell what it offers at the end of each line.
func offered(t *testing.T, ask func(line string) *exec.Cmd) {
	t.Helper()
	for _, c := range typed {
		out, err := ask(c.line).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", c.line, err, out)
		}
		words := strings.Fields(string(out))
		for _, want := range c.has {
			if !slices.ContainsFunc(words, func(w string) bool { return strings.TrimSuffix(w, "/") == want }) {
				t.Errorf("%q: %q is not offered in %q", c.line, want, words)
			}
		}
		for _, not := range c.hasNot {
			if slices.Contains(words, not) {
				t.Errorf("%q: %q is offered", c.line, not)
			}
		}
	}
}

func TestBashCompletes(t *testing.T) {
	t.Parallel()
	script := completionOf(t, "bash")
	offered(t, func(line string) *exec.Cmd {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		quoted := "'" + strings.Join(words, "' '") + "'"
		return exec.Command("bash", "-euc", script+"\nCOMP_WORDS=("+quoted+")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_mapae\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
	})
}

func TestFishCompletes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("fish"); err != nil {
		needs(t, err.Error())
	}
	script := completionOf(t, "fish")
	offered(t, func(line string) *exec.Cmd {
		cmd := exec.Command("fish", "--no-config", "-c", script+"\ncomplete -C \"$argv[1]\" | string replace -r '\\t.*' ''; true", line)
		cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir())
		return cmd
	})
}

func TestZshCompletes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zsh"); err != nil {
		needs(t, err.Error())
	}
	script := completionOf(t, "zsh")
	// Outside of a terminal the script's own function is run, with the two
	// builtins of completion in the place of what they would show.
	const stage = "compdef() { :; }\ncompadd() { shift; print -l -- $@ }\n_files() { print -l -- * }\n"
	offered(t, func(line string) *exec.Cmd {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		return exec.Command("zsh", append([]string{"-fec", stage + script + "\nwords=(\"$@\")\nCURRENT=$#words\n_mapae", "zsh"}, words...)...)
	})
}
