package capture

// Suspend implements [Source].
func (s *ringSource) Suspend() error { return s.hold(true) }

// Resume implements [Source].
func (s *ringSource) Resume() error { return s.hold(false) }

// hold lets a filter that refuses everything stand before the rings, or puts the user's
// back. The kernel counts only what has passed a filter, so that what is refused is in no
// counter; and replacing a filter needs no privilege.
func (s *ringSource) hold(on bool) error {
	op := "resume the capture"
	if on {
		op = "suspend the capture"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed || s.closing.Load() {
		return &OpError{Op: op, Interface: s.interfaces[0].Name, Err: errEnding}
	}
	if s.held == on {
		return nil
	}
	for i, r := range s.rings {
		if err := r.hold(on); err != nil {
			for _, r := range s.rings[:i] {
				_ = r.hold(!on)
			}
			return &OpError{Op: op, Interface: s.interfaces[i].Name, Err: err}
		}
	}
	s.held = on
	s.watched.held(on)
	return nil
}

func (r *ring) hold(on bool) error {
	if on {
		return attach(r.fd, refuseAll)
	}
	return attach(r.fd, r.program)
}
