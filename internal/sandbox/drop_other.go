//go:build !unix

package sandbox

import "errors"

// Become is not possible on this system.
func (*Identity) Become() error {
	return errors.New("changing the user is not possible on this system")
}
