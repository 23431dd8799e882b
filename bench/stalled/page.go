//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// again is after how long a stalled page comes back: the server drops it after ten seconds.
const again = 11 * time.Second

// stall keeps a page open that follows all packets and statistics and takes nothing, until
// stop. ready is told when it is there for the first time.
func stall(ns lab.Namespace, ready chan<- error, stop <-chan struct{}) {
	first := true
	for {
		conn, err := open(ns)
		if first {
			ready <- err
			first = false
		}
		if err != nil {
			return
		}
		select {
		case <-stop:
			_ = conn.CloseNow()
			return
		case <-time.After(again):
			_ = conn.CloseNow()
		}
	}
}

// open opens a page that has asked for all that there is.
func open(ns lab.Namespace) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dial := func(ctx context.Context, network, addr string) (c net.Conn, err error) {
		err = ns.Inside(func() error {
			c, err = (&net.Dialer{}).DialContext(ctx, network, addr)
			return err
		})
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		return c, err
	}
	conn, _, err := websocket.Dial(ctx, "ws://"+address+"/api/v1/ws", &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}},
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}, "Origin": {"http://" + address}},
	})
	if err != nil {
		return nil, fmt.Errorf("open the page: %w", err)
	}
	for _, text := range []string{
		`{"type":"view","view":1,"capture":"live","filter":"","start":"0","end":"0"}`,
		`{"type":"window","view":1,"request":1,"from":0,"count":256,"follow":true}`, `{"type":"statistics","on":true}`,
	} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			_ = conn.CloseNow()
			return nil, err
		}
	}
	return conn, nil
}
