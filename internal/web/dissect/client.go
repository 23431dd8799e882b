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
	"time"
)

// Client asks the helper. Its methods may be used by many goroutines at once; questions are
// answered one after the other.
type Client struct {
	to, from *os.File
	in       *bufio.Reader
	turn     chan struct{}
	dead     error // the helper is gone; held with turn
}

// Start starts the helper: cmd is this program in the role that calls [Serve]. Its standard
// input and output are set here. It lives until Close, or until this process ends.
func Start(cmd *exec.Cmd) (*Client, error) {
	inside, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, outside, err := os.Pipe()
	if err != nil {
		_, _ = inside.Close(), to.Close()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = inside, outside
	apart(cmd)
	err = cmd.Start()
	_, _ = inside.Close(), outside.Close()
	if err != nil {
		_, _ = to.Close(), from.Close()
		return nil, err
	}
	go func() { _ = cmd.Wait() }()
	return &Client{to: to, from: from, in: bufio.NewReader(from), turn: make(chan struct{}, 1)}, nil
}

// Close ends the helper and what it started.
func (c *Client) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	return c.end(os.ErrClosed)
}

// end gives the helper up: it ends when its input does.
func (c *Client) end(why error) error {
	if c.dead == nil {
		c.dead = why
		return errors.Join(c.to.Close(), c.from.Close())
	}
	return nil
}

// Dissect lets sharkd explain a packet of a capture file: the one with that number in it,
// from 1. The error is an [*Error], or ctx's.
func (c *Client) Dissect(ctx context.Context, file []byte, number uint32) (*Result, error) {
	if len(file) > MaxFile {
		return nil, &Error{"the packets are too long"}
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type reply struct {
		r   *Result
		err error
	}
	done := make(chan reply, 1)
	go func() { // goes on when nobody waits: an answer must not be left in the pipe
		defer func() { <-c.turn }()
		r, err := c.exchange(file, number)
		done <- reply{r, err}
	}()
	select {
	case a := <-done:
		return a.r, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) exchange(file []byte, number uint32) (*Result, error) {
	if c.dead != nil {
		return nil, &Error{"its helper has ended: " + c.dead.Error()}
	}
	limit := time.Now().Add(wholeTime)
	_, _ = c.to.SetWriteDeadline(limit), c.from.SetReadDeadline(limit)
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(file)))
	head = binary.LittleEndian.AppendUint32(head, number)
	_, err := c.to.Write(append(head, file...))
	if err == nil {
		var text []byte
		if text, err = readFrame(c.in); err == nil {
			return readAnswer(text)
		}
	}
	_ = c.end(err)
	return nil, &Error{"its helper failed: " + err.Error()}
}

// readFrame reads an answer with its length before it.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxResult {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	text := make([]byte, n)
	_, err := io.ReadFull(r, text)
	return text, err
}

// readAnswer takes an answer apart and cleans it: the helper may have been broken into.
func readAnswer(text []byte) (*Result, error) {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, &Error{"its helper answered nonsense"}
	}
	switch {
	case a.Error != "":
		return nil, &Error{clean(a.Error)}
	case a.Result == nil:
		return nil, &Error{"its helper did not answer"}
	}
	r := a.Result
	r.Program, r.Protocol, r.Info = clean(r.Program), clean(r.Protocol), clean(r.Info)
	left := MaxNodes
	r.Tree = tidy(r.Tree, &left, 0)
	return r, nil
}

// tidy cleans a tree and keeps it within its limits.
func tidy(list []Node, left *int, depth int) []Node {
	if depth == maxDepth {
		return nil
	}
	list = list[:min(len(list), *left)]
	*left -= len(list)
	for i := range list {
		n := &list[i]
		n.Name, n.Field, n.Severity = clean(n.Name), clean(n.Field), clean(n.Severity)
		n.Nodes = tidy(n.Nodes, left, depth+1)
	}
	return list
}
