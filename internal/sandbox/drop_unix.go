//go:build unix

package sandbox

import (
	"fmt"
	"syscall"
)

// Become changes groups, group and user, for good: Go's syscall package does it on all
// threads.
func (id *Identity) Become() error {
	if err := syscall.Setgroups(id.Groups); err != nil {
		return fmt.Errorf("give up the groups: %w", err)
	}
	if err := syscall.Setgid(id.GID); err != nil {
		return fmt.Errorf("become group %d: %w", id.GID, err)
	}
	if err := syscall.Setuid(id.UID); err != nil {
		return fmt.Errorf("become user %s: %w", id.Name, err)
	}
	if id.UID != 0 && syscall.Setuid(0) == nil {
		return fmt.Errorf("become user %s: root could be regained", id.Name)
	}
	return nil
}
