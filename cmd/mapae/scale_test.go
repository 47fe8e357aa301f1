package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/internal/pgtest"
)

// Every command of docs/scale.md is run, in the page's order, and prints what
// the page says at its end.
func TestEveryCommandOfThePageOnScaleRuns(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"curl", "psql"} {
		if _, err := exec.LookPath(program); err != nil {
			needs(t, err.Error())
		}
	}
	text, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	database := ownPostgres(t).URL("postgres")
	dir := t.TempDir()
	env := append(os.Environ(), "DATA="+dir, "DATABASE="+database, "POOLED="+database, "ORIGIN="+newHome(t).origin)
	for _, name := range []string{"LISTEN", "LISTEN2"} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"=127.0.0.1:"+port)
	}
	if ran := runPage(t, string(text), dir, env); ran < 7 {
		t.Errorf("%d blocks were run", ran)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "mapae.db.*Z"))
	if err != nil || len(kept) != 1 {
		t.Errorf("the restore kept %v, %v", kept, err)
	}
}

// runPage runs the blocks of sh of a page, in its order, in dir, and demands
// that each prints what the page says at its end. It returns how many ran.
func runPage(t *testing.T, page, dir string, env []string) (ran int) {
	t.Helper()
	for _, b := range regexp.MustCompile("(?s)```(\\w*)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		if b[1] != "sh" {
			continue
		}
		ran++
		commands, want, told := strings.Cut(b[2], "\n# → ")
		if !told {
			t.Errorf("the page does not say what this prints:\n%s", b[2])
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", commands)
		cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, time.Second
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.CombinedOutput()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what a command that failed has left behind
		if err != nil || !strings.Contains(string(out), strings.TrimSpace(want)) {
			t.Fatalf("%s\n%v, want %q in:\n%s", commands, err, want, out)
		}
	}
	return ran
}

// ownPostgres starts a cluster that the test has for itself.
func ownPostgres(t *testing.T) *pgtest.Cluster {
	t.Helper()
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
	c, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
