// Package sandbox gives up what the program does not need any more once its sockets are
// open. Every step applies to all threads.
package sandbox

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// Identity is the user that the program becomes after its sockets are open, and to whom
// everything belongs that it writes.
type Identity struct {
	UID, GID int
	Groups   []int
	Name     string
}

// Invoking returns the user who called sudo, the user of the given name or number, or nil
// when there is nobody to change to: the program was not started as root, or as root
// itself.
func Invoking(name string) (*Identity, error) {
	if name == "" {
		if os.Geteuid() != 0 {
			return nil, nil
		}
		name = os.Getenv("SUDO_UID")
		if name == "" || name == "0" {
			return nil, nil
		}
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return nil, fmt.Errorf("no user %q on this machine", name)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("user %q has no numeric identity on this system", name)
	}
	id := &Identity{UID: uid, GID: gid, Name: u.Username}
	ids, err := u.GroupIds()
	if err == nil {
		for _, s := range ids {
			if g, err := strconv.Atoi(s); err == nil {
				id.Groups = append(id.Groups, g)
			}
		}
	}
	return id, nil
}
