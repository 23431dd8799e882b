package index

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// rollups writes the counts by second and by address of the segment in hand.
func (w *Writer) rollups() error {
	st := newStage(secondSpecs, 0)
	err := w.rollup(SecondsName(w.info.Segment), "seconds", st, func(flush func() error) error {
		if !w.info.Seconds {
			return nil
		}
		for _, e := range w.seconds.list {
			st.large(secTime, e.at*1e9)
			st.small(secVersion, int32(e.version))
			st.small(secProto, int32(e.proto))
			st.large(secPackets, int64(e.packets))
			st.large(secBytes, int64(e.bytes))
			st.endRow()
			if st.rows == GroupRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	sa := newStage(addressSpecs, 0)
	return w.rollup(AddressesName(w.info.Segment), "addresses", sa, func(flush func() error) error {
		if !w.info.Addresses {
			return nil
		}
		for i := range w.addresses.keys {
			sa.small(adrAddress, int32(i))
			sa.small(adrVersion, int32(w.addresses.keys[i].version))
			for r := range roles {
				n := w.addresses.sum(i, r)
				sa.large(adrCounts+Column(2*r), int64(n.packets))
				sa.large(adrCounts+Column(2*r+1), int64(n.bytes))
			}
			sa.endRow()
			if sa.rows == GroupRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// rollup writes one file of counts, to a temporary name first.
func (w *Writer) rollup(name, kind string, st *stage, fill func(flush func() error) error) error {
	tmp := name + tmpSuffix
	f, err := w.cfg.Root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	out := bufio.NewWriterSize(f, 64<<10)
	err = func() error {
		t, err := newTable(out, kind, st.specs, w.enc)
		if err != nil {
			return err
		}
		flush := func() error { return t.group(st, w.texts) }
		if err := fill(flush); err != nil {
			return err
		}
		return errors.Join(flush(), t.finish(&w.info, w.cfg.Program), out.Flush())
	}()
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = w.cfg.Root.Rename(tmp, name)
	}
	if err != nil {
		_ = w.cfg.Root.Remove(tmp)
		return fmt.Errorf("index: %w", err)
	}
	return nil
}
