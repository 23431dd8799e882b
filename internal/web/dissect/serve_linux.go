package dissect

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported tells whether a helper can run on this system.
const Supported = true

// apart puts a process into a group of its own: Ctrl+C is for the program, which ends it.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Server is the helper's side. It is used by one goroutine, which must not be another one
// later: sharkd is tied to its thread and ends with it.
type Server struct {
	program string
	args    []string
	version string
	start   time.Duration // limits of time, shorter in tests
	reply   time.Duration
	idle    time.Duration

	file  *os.File // in memory: what sharkd reads
	child *child   // nil: none is running
}

// child is a running sharkd.
type child struct {
	cmd   *exec.Cmd
	to    *os.File
	from  *os.File
	lines *bufio.Reader
	id    int
}

// Serve answers questions from in until its end: program is sharkd. It must be called by
// the main goroutine of a process that does nothing else.
func Serve(in io.Reader, out io.Writer, program string) error {
	s := &Server{program: program, args: []string{"-"}, start: startTime, reply: replyTime, idle: idleTime}
	return s.serve(in, out)
}

type question struct {
	file   []byte
	number uint32
}

func (s *Server) serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	defer s.kill()
	fd, err := unix.MemfdCreate("packets", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memory for packets: %w", err)
	}
	s.file = os.NewFile(uintptr(fd), "packets")
	questions := make(chan question)
	ended := make(chan error, 1)
	go func() { ended <- read(in, questions) }()
	idle := time.NewTimer(s.idle)
	for {
		select {
		case q := <-questions:
			text, err := json.Marshal(s.answer(&q))
			if err != nil || len(text) > maxResult {
				text = []byte(`{"error":"its answer is too long"}`)
			}
			if _, err := out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
				return err
			}
			idle.Reset(s.idle)
		case <-idle.C:
			s.kill()
		case err := <-ended:
			return err
		}
	}
}

// read takes questions until the end of the input.
func read(in io.Reader, to chan<- question) error {
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > MaxFile {
			return fmt.Errorf("a file of %d bytes", n)
		}
		q := question{make([]byte, n), binary.LittleEndian.Uint32(head[4:])}
		if _, err := io.ReadFull(in, q.file); err != nil {
			return err
		}
		to <- q
	}
}

func (s *Server) answer(q *question) *answer {
	r, err := s.dissect(q)
	if err != nil {
		s.kill() // whatever state it is in
		return &answer{Error: err.Error()}
	}
	return &answer{Result: r}
}

func (s *Server) dissect(q *question) (*Result, error) {
	if err := s.fill(q.file); err != nil {
		return nil, err
	}
	limit := s.reply
	if s.child == nil {
		limit = s.start
		if err := s.launch(); err != nil {
			return nil, fmt.Errorf("it cannot be started: %w", err)
		}
	}
	deadline := time.Now().Add(limit)
	load, err := s.child.ask(deadline, "load", `{"file":"/proc/self/fd/3"}`)
	if err != nil {
		return nil, err
	}
	var status struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(load, &status) != nil || status.Status != "OK" {
		return nil, errors.New("it could not read the packets")
	}
	n := strconv.FormatUint(uint64(q.number), 10)
	frame, err := s.child.ask(deadline, "frame", `{"frame":`+n+`,"proto":true}`)
	if err != nil {
		return nil, err
	}
	r := &Result{Program: s.named()}
	if r.Tree, r.More, err = readTree(frame); err != nil {
		return nil, err
	}
	if len(r.Tree) == 0 {
		return nil, errors.New("it has no such packet")
	}
	skip := ""
	if q.number > 1 { // it does not take 0
		skip = `"skip":` + strconv.FormatUint(uint64(q.number-1), 10) + `,`
	}
	rows, err := s.child.ask(deadline, "frames", `{`+skip+`"limit":1}`)
	if err != nil {
		return nil, err
	}
	r.Protocol, r.Info = readColumns(rows)
	return r, nil
}

// fill puts a capture file where sharkd reads it.
func (s *Server) fill(file []byte) error {
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	_, err := s.file.WriteAt(file, 0)
	return err
}

// launch starts sharkd, with nothing but two pipes and the packets.
func (s *Server) launch() error {
	inside, to, err := os.Pipe()
	if err != nil {
		return err
	}
	from, outside, err := os.Pipe()
	if err != nil {
		_, _ = inside.Close(), to.Close()
		return err
	}
	cmd := exec.Command(s.program, s.args...) //nolint:noctx // ended by kill
	cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = inside, outside, []*os.File{s.file}
	cmd.Env = []string{"LANG=C.UTF-8", "TZ=UTC", "HOME=/nonexistent", "WIRESHARK_CONFIG_DIR=/nonexistent", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	_, _ = inside.Close(), outside.Close()
	if err == nil {
		// It has been given nothing foreign yet.
		err = limit(cmd.Process.Pid)
	}
	s.child = &child{cmd: cmd, to: to, from: from, lines: bufio.NewReaderSize(from, 64<<10)}
	if err != nil {
		s.kill()
	}
	return err
}

// limit bounds what a process may take.
func limit(pid int) error {
	for _, l := range []struct {
		what  int
		value uint64
	}{
		{unix.RLIMIT_AS, memoryLimit}, {unix.RLIMIT_CPU, cpuLimit}, {unix.RLIMIT_FSIZE, fileLimit}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 64},
	} {
		if err := unix.Prlimit(pid, l.what, &unix.Rlimit{Cur: l.value, Max: l.value}, nil); err != nil {
			return fmt.Errorf("limit it: %w", err)
		}
	}
	return nil
}

// kill ends sharkd and all that it may have started.
func (s *Server) kill() {
	c := s.child
	if c == nil {
		return
	}
	s.child = nil
	if c.cmd.Process != nil {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		_ = c.cmd.Wait()
	}
	_, _ = c.to.Close(), c.from.Close()
}

// ask sends a request and returns the result.
func (c *child) ask(deadline time.Time, method, params string) (json.RawMessage, error) {
	c.id++
	_, _ = c.to.SetWriteDeadline(deadline), c.from.SetReadDeadline(deadline)
	_, err := fmt.Fprintf(c.to, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", c.id, method, params)
	var line []byte
	if err == nil {
		line, err = c.line()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errors.New("it took too long")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		return nil, errors.New("it crashed, or took too much memory")
	case err != nil:
		return nil, err
	}
	var r reply
	switch {
	case json.Unmarshal(line, &r) != nil || r.ID != c.id:
		return nil, errors.New("it answered nonsense")
	case r.Error != nil:
		return nil, errors.New("it refused: " + clean(r.Error.Message))
	}
	return r.Result, nil
}

// line reads a line of bounded length.
func (c *child) line() ([]byte, error) {
	var line []byte
	for {
		part, err := c.lines.ReadSlice('\n')
		if len(line)+len(part) > maxAnswer {
			return nil, errors.New("its answer is too long")
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

var versionText = regexp.MustCompile(`Sharkd \(Wireshark\) ([0-9][0-9.]{0,20})`)

// named returns the name of the program with its version, which it is asked for once.
func (s *Server) named() string {
	if s.version == "" {
		s.version = "sharkd"
		ctx, cancel := context.WithTimeout(context.Background(), s.start)
		defer cancel()
		cmd := exec.CommandContext(ctx, s.program, "-v")
		cmd.Env = []string{"HOME=/nonexistent", "WIRESHARK_CONFIG_DIR=/nonexistent"}
		cmd.WaitDelay = time.Second
		text, _ := cmd.Output()
		if m := versionText.FindSubmatch(text[:min(len(text), maxText)]); m != nil {
			s.version += " " + string(m[1])
		}
	}
	return s.version
}
