package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
)

// maxBinary bounds the binary for linux/amd64, in bytes.
const maxBinary = 26_000_000

// maxIdle bounds what an idle server takes for itself, in KiB.
const maxIdle = 8 << 10

// How the binary is made.
const (
	releaseTags    = "nopgxregisterdefaulttypes"
	releaseLDFlags = "-s -w -buildid= -funcalign=16"
)

func TestEveryPageBuildsTheSameBinary(t *testing.T) {
	t.Parallel()
	want := `CGO_ENABLED=0 go build -trimpath -tags ` + releaseTags + ` -ldflags="` + releaseLDFlags + `" `
	for _, path := range []string{"doc.go", "../../docs/deploy.md", "../../deploy/Dockerfile"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %s", path, want)
		}
	}
}

// build makes the binary of the module at dir, as doc.go says, and returns its
// path. Version control is left out: the tree may have changes.
func build(t *testing.T, dir string, env ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "mapae")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags="+releaseTags, "-ldflags="+releaseLDFlags, "-o", out, "./cmd/mapae")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "CGO_ENABLED=0", "GOFLAGS=")...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// copyModule copies the module to another directory, without what has a module
// of its own.
func copyModule(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "elsewhere")
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("../..", path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && slices.Contains([]string{".git", "e2e", "oracle", "examples", "node_modules", "data"}, d.Name()) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func sum(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// With MAPAE_REBUILD set the second build compiles everything anew, which takes
// minutes; else it compiles and links what the place could have changed.
func TestTheBinaryIsTheSameWhereverItIsBuilt(t *testing.T) {
	t.Parallel()
	binary := build(t, "../..")
	var env []string
	if os.Getenv("MAPAE_REBUILD") != "" {
		env = append(env, "GOCACHE="+t.TempDir())
	}
	if one, two := sum(t, binary), sum(t, build(t, copyModule(t), env...)); one != two {
		t.Errorf("two builds differ: %s and %s", one, two)
	} else {
		t.Log("proven: 2")
	}
	t.Run("small and static", func(t *testing.T) { smallAndStatic(t, binary) })
	t.Run("alone in an empty root, without rights", func(t *testing.T) { alone(t, binary) })
	t.Run("behind a pooler, which prepares nothing", func(t *testing.T) { unprepared(t, binary) })
	t.Run("quickly there", func(t *testing.T) { quicklyThere(t, binary) })
}

func smallAndStatic(t *testing.T, binary string) {
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && info.Size() > maxBinary {
		t.Errorf("%d bytes are more than %d", info.Size(), maxBinary)
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it needs other files: %v", p.Type)
		}
	}
}

// alone runs the binary as the Dockerfile does: nothing else is there, and its
// user may write to /data only.
func alone(t *testing.T, binary string) {
	if os.Getuid() != 0 {
		needs(t, "only root can change the root of a process")
	}
	const nobody = 65532
	root := t.TempDir()
	text, err := os.ReadFile(binary)
	err = errors.Join(err, os.WriteFile(filepath.Join(root, "mapae"), text, 0o755), os.Mkdir(filepath.Join(root, "data"), 0o700),
		os.Chown(filepath.Join(root, "data"), nobody, nobody), os.Chmod(root, 0o555))
	if err != nil {
		t.Fatal(err)
	}
	at := newHome(t)
	run := func(args ...string) *process {
		p := &process{cmd: exec.Command("/mapae", args...)}
		p.cmd.Path, p.cmd.Err, p.cmd.Dir = "/mapae", nil, "/"
		p.cmd.Env = []string{"MAPAE_DATA_DIR=/data", "MAPAE_ORIGIN=https://id.example.com", "MAPAE_LISTEN=" + strings.TrimPrefix(at.origin, "http://localhost")}
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := run("serve")
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	if status, _, err := getWhenUp(at.origin + "/readyz"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", status, err, &s.out)
	}
	h := run("health")
	if how := h.ended(t); how != "exit 0" || h.out.String() != "ok\n" {
		t.Errorf("health: %s\n%s", how, &h.out)
	}
	s.signal(t, syscall.SIGTERM)
	if how := s.ended(t); how != "exit 0" {
		t.Errorf("%s\n%s", how, &s.out)
	}
}

// unprepared lets the binary use a PostgreSQL as one behind a pooler is used:
// without statements that are prepared, pgx must know the type of each argument,
// and the list that it has itself is left out of the binary.
func unprepared(t *testing.T, binary string) {
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
	c, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at, url := newHome(t), c.URL("postgres")
	keys := filepath.Join(t.TempDir(), "keys")
	if _, err := mapae.CreateKeys(keys); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(binary, "migrate", "--database", url, "--data", at.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p := &process{origin: at.origin}
	p.run(t, binary, "serve", "--origin", at.origin, "--data", at.dir, "--mail", "none", "--methods", "passkey,password",
		"--key-file", keys, "--database", url+"&default_query_exec_mode=exec")
	if status, _, err := getWhenUp(at.origin + "/readyz"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", status, err, &p.out)
	}
	app := p.app(nil, new(forwarded))
	_, err = app.SignUp(t.Context(), "ada@example.com", "Ada")
	if err == nil {
		_, err = app.SignIn(t.Context())
	}
	if err == nil {
		_, err = app.Sessions(t.Context())
	}
	if err != nil {
		t.Errorf("%v\n%s", err, &p.out)
	}
	p.signal(t, syscall.SIGTERM)
	if how := p.ended(t); how != "exit 0" || strings.Contains(p.out.String(), "level=ERROR") {
		t.Errorf("%s\n%s", how, &p.out)
	}
}

// quicklyThere measures the start on a database that is there, and the memory
// of a server that nobody asks anything. Other programs on this machine slow the
// start, so it has a bound only where MAPAE_FIGURES is set.
func quicklyThere(t *testing.T, binary string) {
	at := newHome(t)
	var starts []time.Duration
	own, all := 0, 0
	for range 6 {
		began := time.Now()
		p := &process{}
		p.run(t, binary, "serve", "--origin", at.origin, "--data", at.dir, "--mail", "none")
		for {
			if r, err := http.Get(at.origin + "/healthz"); err == nil {
				r.Body.Close()
				break
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("it does not start:\n%s", &p.out)
			}
			time.Sleep(time.Millisecond)
		}
		starts = append(starts, time.Since(began))
		for range 50 { // it soon gives back what the start took
			time.Sleep(100 * time.Millisecond)
			if own, all = residentOf(t, p.cmd.Process.Pid); own <= maxIdle {
				break
			}
		}
		p.signal(t, syscall.SIGTERM)
		if how := p.ended(t); how != "exit 0" {
			t.Fatalf("%s\n%s", how, &p.out)
		}
	}
	quickest := slices.Min(starts[1:]) // the first makes the database
	t.Logf("start on an existing database: %v; idle: %d KiB of its own, %d KiB with the pages of the binary", quickest.Round(time.Millisecond), own, all)
	if os.Getenv("MAPAE_FIGURES") != "" && quickest > 150*time.Millisecond {
		t.Errorf("it takes %v to start", quickest)
	}
	if own > 2*maxIdle || os.Getenv("MAPAE_FIGURES") != "" && own > maxIdle {
		t.Errorf("an idle server takes %d KiB", own)
	}
}

// residentOf is how much memory a process has for itself, and with the pages of
// its binary that were read, in KiB.
func residentOf(t *testing.T, pid int) (own, all int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		_, _ = fmt.Sscanf(string(line), "RssAnon: %d kB", &own)
		_, _ = fmt.Sscanf(string(line), "VmRSS: %d kB", &all)
	}
	if own == 0 || all == 0 {
		t.Fatalf("no memory in\n%s", text)
	}
	return own, all
}
