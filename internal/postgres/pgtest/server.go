//go:build unix

// Package pgtest starts a real PostgreSQL server in a temporary folder, for tests and
// benchmarks: as an unprivileged user (the server refuses to run as root), reachable
// through a Unix socket and a port on loopback only, and gone with everything it wrote
// when it is closed.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Superuser is the name of the server's administrator. Everybody on the Unix socket may
// log in as any user; on TCP a password is asked for (scram-sha-256).
const Superuser = "postgres"

// Password is the administrator's password on TCP.
const Password = "only-for-tests"

// ErrNotInstalled says that this machine has no PostgreSQL server to start.
var ErrNotInstalled = errors.New("pgtest: no PostgreSQL server found (Debian: apt-get install postgresql); PG_BIN names the folder of initdb")

// Server is a running PostgreSQL server.
type Server struct {
	Dir  string // holds the data, the log and the Unix socket: use it as a host
	Port int    // on 127.0.0.1, and in the socket's name

	bin    string
	cred   *syscall.Credential // nil: as the caller
	extra  []string            // further settings, name=value
	daemon *exec.Cmd
	exited chan struct{}
}

// New makes a fresh database cluster and starts its server. settings are "name=value".
// It returns [ErrNotInstalled] when the machine has none.
func New(settings ...string) (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tarrafa-pg-")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	s := &Server{Dir: dir, bin: bin, cred: cred, extra: settings}
	if err := s.create(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// create runs initdb.
func (s *Server) create() error {
	if s.cred != nil {
		// Others may pass through to the socket: a sandboxed root has no more rights than they.
		if err := errors.Join(os.Chown(s.Dir, int(s.cred.Uid), int(s.cred.Gid)), os.Chmod(s.Dir, 0o711)); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
	}
	pw := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(pw, []byte(Password), 0o644); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, "initdb", "-D", s.data(), "-U", Superuser, "--pwfile="+pw, "-E", "UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.Port = port
	return nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true}
	return cmd
}

// Start starts the server again after [Server.Stop] or [Server.Kill], and waits until it
// answers.
func (s *Server) Start() error {
	args := []string{
		"-D", s.data(), "-k", s.Dir, "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_wal_size=2GB", "-c", "log_min_messages=warning",
	}
	for _, setting := range s.extra {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer log.Close()
	cmd := s.command(context.Background(), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	s.daemon, s.exited = cmd, exited
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err = s.command(ctx, "pg_isready", "-q", "-h", s.Dir, "-p", strconv.Itoa(s.Port), "-t", "1").Run()
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("pgtest: the server ended while it started:\n%s", s.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
	_ = s.Kill()
	return fmt.Errorf("pgtest: the server does not answer after 30 s:\n%s", s.Log())
}

// Stop ends the server as an administrator does in a hurry (SIGINT: fast shutdown).
func (s *Server) Stop() error {
	if s.daemon == nil {
		return nil
	}
	err := errors.Join(s.Resume(), s.daemon.Process.Signal(syscall.SIGINT))
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.kill()
		err = errors.Join(err, errors.New("pgtest: the server did not stop within 20 s"))
	}
	s.daemon = nil
	return err
}

// Kill ends the server and all that it started at once (SIGKILL).
func (s *Server) Kill() error {
	if s.daemon != nil {
		s.kill()
		s.daemon = nil
	}
	return nil
}

// processes returns the server and its children, which are process groups of their own.
func (s *Server) processes() []int {
	pid := s.daemon.Process.Pid
	pids := []int{pid}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// signal sends sig to the server and then to its children.
func (s *Server) signal(sig syscall.Signal) error {
	if s.daemon == nil {
		return nil
	}
	var first error
	for _, p := range s.processes() {
		if err := syscall.Kill(p, sig); err != nil && first == nil && !errors.Is(err, syscall.ESRCH) {
			first = fmt.Errorf("pgtest: %w", err)
		}
	}
	return first
}

// kill ends the server and its children at once, and waits until they are gone: a new
// server refuses to start beside them.
func (s *Server) kill() {
	_ = s.daemon.Process.Signal(syscall.SIGSTOP) // no new children from here on
	pids := s.processes()
	for _, p := range pids {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
	<-s.exited
	for _, p := range pids[1:] {
		for range 1000 {
			if syscall.Kill(p, 0) != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// Pause stops the server and its backends where they are (SIGSTOP): it accepts
// connections, as the kernel does that, and never answers.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

// Close ends the server and deletes its folder.
func (s *Server) Close() error {
	return errors.Join(s.Kill(), os.RemoveAll(s.Dir))
}

// Log returns what the server wrote to its log.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(b)
}

func findBin() (string, error) {
	var dirs []string
	if dir := os.Getenv("PG_BIN"); dir != "" {
		dirs = append(dirs, dir)
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"} {
		found, _ := filepath.Glob(pattern)
		sort.Sort(sort.Reverse(sort.StringSlice(found)))
		dirs = append(dirs, found...)
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, dir := range dirs {
		if complete(dir) {
			return dir, nil
		}
	}
	return "", ErrNotInstalled
}

// complete tells whether a folder has all the programs that are used here.
func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_isready", "psql"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// freePort asks the kernel for a port that nobody listens on.
func freePort() (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pgtest: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
