package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// Enter gives up, for good and on all threads, everything that the rules do not leave: user
// and groups, capabilities, the way back to them, files, ports and system calls. What the
// kernel does not know is in the report; what it knows and refuses is an error, after which
// the program must end, because it may have given up a part.
//
// It must be called once, before the first foreign byte is looked at.
func Enter(r Rules) (Report, error) {
	report, err := enter(r)
	if r.Lenient && errors.Is(err, ErrUnsupported) {
		report.Missing, report.Nothing = append(report.Missing, "everything ("+err.Error()+")"), true
		if r.Access == nil {
			return report, nil
		}
		access, err := r.Access()
		if err != nil {
			return report, err
		}
		return report, makeFolders(access.Write)
	}
	return report, err
}

func enter(r Rules) (Report, error) {
	report := Report{User: currentUser()}
	if err := dropPrivileges(&r, &report); err != nil {
		return report, err
	}
	var access Access
	if r.Access != nil {
		var err error
		if access, err = r.Access(); err != nil {
			return report, err
		}
	}
	if err := makeFolders(access.Write); err != nil {
		return report, err
	}
	return report, restrict(&access, &report)
}

// dropPrivileges changes the user and gives up the capabilities, now and later.
func dropPrivileges(r *Rules, report *Report) error {
	if err := forgetRoot(); err != nil {
		return err
	}
	if r.User != nil {
		if err := r.User.Become(); err != nil {
			return err
		}
	}
	report.User = currentUser()
	keep := uint64(0)
	if r.ForeignFiles && os.Geteuid() == 0 {
		keep, report.Kept = 1<<unix.CAP_DAC_OVERRIDE, "dac_override"
	}
	if err := dropCapabilities(keep); err != nil {
		return err
	}
	report.Capabilities = keep == 0
	if err := hideMemory(); err != nil {
		return err
	}
	if err := allThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("sandbox: set no_new_privs: %w", err)
	}
	report.NoNewPrivs = true
	return nil
}

// restrict closes files, ports and system calls.
func restrict(a *Access, report *Report) error {
	abi, err := restrictFiles(a)
	switch {
	case err != nil:
		return fmt.Errorf("sandbox: Landlock: %w", err)
	case abi == 0:
		report.Missing = append(report.Missing, "Landlock (this kernel has none, or it is switched off)")
	}
	report.Landlock, report.LandlockNet = abi, abi >= abiNet
	err = restrictCalls(a)
	switch {
	case errors.Is(err, ErrUnsupported):
		report.Missing = append(report.Missing, "seccomp ("+err.Error()+")")
	case err != nil:
		return fmt.Errorf("sandbox: seccomp: %w", err)
	default:
		report.Seccomp = true
	}
	return nil
}

func currentUser() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// makeFolders makes the folders that are to be written to, so that there is something to
// tie a rule to. Names that exist and are no folders stay what they are.
func makeFolders(paths []string) error {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			continue
		}
		if err := os.MkdirAll(p, 0o700); err != nil {
			return fmt.Errorf("sandbox: make folder: %w", err)
		}
	}
	return nil
}
