package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/words"
)

// capturesOr wants capture files or folders, unless the database is asked.
func (d *databaseFlags) capturesOr(files cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if on, err := d.on(len(args)); on || err != nil {
			return err
		}
		return files(cmd, args)
	}
}

// pageOfFlows is how many flows are asked of the database at once.
const pageOfFlows = 5000

// databaseFlows lists the flows that the database holds of a capture.
func databaseFlows(ctx context.Context, stdout, stderr io.Writer, o *flowsOptions, display *query.Filter) error {
	o.database.noSandbox = o.noSandbox
	return askDatabase(ctx, stderr, &o.database, func(ctx context.Context, r *postgres.Reader) error {
		w := bufio.NewWriterSize(stdout, 1<<16)
		list := newFlowList(w, stdout, o.json, o.number)
		for from := uint64(0); ; from += pageOfFlows {
			page, err := r.Flows(ctx, query.Scope{Filter: display}, from, pageOfFlows)
			if err != nil {
				return err
			}
			for i := range page.Rows {
				list.addDocument(storedFlow(&page.Rows[i]))
			}
			if len(page.Rows) < pageOfFlows || list.err != nil {
				break
			}
		}
		list.finish()
		return errors.Join(list.err, w.Flush())
	})
}

// storedFlow is a flow of the database as flows --json prints it. Options of the handshake
// and half of the round trip times' distribution are not stored.
func storedFlow(f *query.Flow) flowDocument {
	d := flowDocument{
		Flow: f.ID, Stream: f.Stream, CommunityID: f.CommunityID, Protocol: index.ProtocolName(f.Proto),
		Client: f.Client.String(), ClientPort: f.ClientPort, Server: f.Server.String(), ServerPort: f.ServerPort,
		VLAN: f.VLAN, FirstPacket: f.FirstPacket, Start: stampText(f.Start), End: stampText(f.Last), DurationNS: max(f.Last-f.Start, 0),
		Ended: f.Ended, Resumed: f.Resumed, ConnState: f.ConnState, History: f.History, InitialRTT: f.InitialRTT,
		App: f.App, Encrypted: f.Encrypted, Name: asSent(f.Name), NameField: f.NameField, JA4: asSent(f.JA4), Host: asSent(f.Host),
		FromClient: storedHalf(&f.FromClient), FromServer: storedHalf(&f.FromServer),
	}
	if f.OuterSrc.IsValid() {
		d.Outer = &outerDocument{Src: f.OuterSrc.String(), Dst: f.OuterDst.String()}
	}
	if f.Direction != "unknown" {
		d.Direction = f.Direction
	}
	return d
}

// asSent undoes [app.Printable], whose escapes are Go's: a flow of a file has its names as
// they were sent, and whoever prints them makes them harmless.
func asSent(stored string) string {
	var b []byte
	for rest := stored; rest != ""; {
		r, wide, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return stored // not written by this program
		}
		if rest = tail; wide {
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, byte(r))
		}
	}
	return string(b)
}

func storedHalf(h *query.FlowHalf) halfDocument {
	d := halfDocument{
		Packets: h.Packets, Bytes: h.Bytes, Payload: h.Payload, RetransmittedBytes: h.RetransmittedBytes,
		Retransmissions: h.Retransmissions, Spurious: h.Spurious, OutOfOrder: h.OutOfOrder, Lost: h.Lost,
		DuplicateAcks: h.DuplicateAcks, ZeroWindows: h.ZeroWindows, WindowFull: h.WindowFull, Resets: h.Resets,
	}
	if h.RTTCount > 0 {
		d.RTT = &rttDocument{Count: h.RTTCount, MinNS: h.RTTMin, MeanNS: h.RTTMean, P90NS: h.RTT90, MaxNS: h.RTTMax}
	}
	return d
}

// databaseFindings prints what was found wrong while the capture was stored.
func databaseFindings(ctx context.Context, stdout, stderr io.Writer, o *findingsOptions, least flow.Severity) error {
	if len(o.thresholds) > 0 {
		return &exitError{code: exitOptions, err: words.Errorf("--threshold: the findings in the database are those of the time of storing"), mend: words.T("ask the capture's folder or file instead of --db")}
	}
	o.database.noSandbox = o.noSandbox
	return askDatabase(ctx, stderr, &o.database, func(ctx context.Context, r *postgres.Reader) error {
		stored, err := r.Findings(ctx)
		if err != nil {
			return err
		}
		var list []index.Finding
		for i := range stored {
			if d := storedFinding(&stored[i]); slices.Index(severities, d.Severity) >= int(least) {
				list = append(list, d)
			}
		}
		w := bufio.NewWriterSize(stdout, 1<<16)
		return errors.Join(writeFindings(w, list, o.json), w.Flush())
	})
}

func storedFinding(f *postgres.Finding) index.Finding {
	d := index.Finding{
		ID: f.ID, Kind: f.Kind, Severity: f.Severity, First: stampText(f.First), Last: stampText(f.Last), Count: f.Count,
		Flow: f.Flow, Stream: f.Stream, Sentence: f.Sentence, Key: f.Key, Args: f.Args, Evidence: f.Evidence,
	}
	if f.Proto != nil {
		d.Protocol = index.ProtocolName(*f.Proto)
	}
	return d
}
