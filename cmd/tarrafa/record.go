package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
)

// recordSink is the name of the JSON Lines sink in the ledger.
const recordSink = "JSON"

func openRecord(o *outputFlags, t outputTarget) (*output, error) {
	local, err := o.localAddresses()
	if err != nil {
		return nil, err
	}
	opt := trafficlog.Options{Extra: o.jsonExtra, UDP: o.jsonUDP, Capture: t.id, Local: local, Log: t.log}
	var l *trafficlog.Log
	if o.json == "-" {
		l = trafficlog.NewWriter(t.stdout, opt)
	} else if l, err = trafficlog.Open(o.json, opt); err != nil {
		return nil, fileError(o.json, err)
	}
	// Lines count one by one, also those of a batch that a full disk took in part. What a
	// filter keeps from a file's record is nobody's to write.
	applied := func() uint64 {
		st := l.Status()
		return st.Lines + st.Skipped + st.Repeated
	}
	if t.file {
		applied = nil
	}
	return &output{
		name: recordSink, sink: l, applied: applied,
		state: func() live.Sink {
			st := l.Status()
			s := live.Sink{Name: recordSink, Target: st.Target, State: live.SinkOK, Rows: st.Lines, Error: st.LastError}
			if st.LastError != "" {
				s.State = live.SinkRetrying
			}
			return s
		},
		parts: func() map[string]uint64 {
			st := l.Status()
			return map[string]uint64{"lines": st.Lines, "no_record": st.Skipped, "there_already": st.Repeated}
		},
		reopen: l.Reopen,
		close:  func(context.Context) error { return l.Close() },
	}, nil
}

// localAddresses reads --local.
func (o *outputFlags) localAddresses() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range o.local {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return nil, &exitError{code: exitOptions, err: fmt.Errorf("--local %s: no address and no network", text), mend: "write for example 192.168.1.5 or 10.0.0.0/8"}
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}
