package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// DataLock is the exclusive right to a data folder. The operating system takes it
// back when the process ends, however it ends.
type DataLock struct {
	dir  string
	lock *flock.Flock
	held Holder
}

// Holder says who holds a data folder.
type Holder struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Address string    `json:"address,omitempty"` // where it serves HTTP, if it does
}

// LockedError says that another process holds the data folder.
type LockedError struct {
	Dir    string
	Holder Holder // zero when it is not known
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("data folder %s: in use by another process; stop it, or name another folder", e.Dir)
	}
	s := fmt.Sprintf("data folder %s: in use by process %d since %s", e.Dir, e.Holder.PID, e.Holder.Since.Format(time.RFC3339))
	if e.Holder.Address != "" {
		return s + ", which serves " + e.Holder.Address + "; use that, stop it, or name another folder"
	}
	return s + "; stop it, or name another folder"
}

// LockDataDir takes the data folder for this process, making it when it is
// missing. It does not wait: the error is a [*LockedError] when another process
// holds the folder, and an [*UnavailableError] when it cannot be written.
func LockDataDir(dir string) (*DataLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, notWritable(dir, err)
	}
	l := &DataLock{dir: dir, lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))}
	ok, err := l.lock.TryLock()
	if err != nil {
		return nil, notWritable(dir, err)
	}
	if !ok {
		holder, err := ReadHolder(dir)
		if err != nil {
			holder = Holder{} // being written just now, or unreadable
		}
		return nil, &LockedError{Dir: dir, Holder: holder}
	}
	if err := l.describe(Holder{PID: os.Getpid(), Since: time.Now().UTC()}); err != nil {
		return nil, errors.Join(err, l.lock.Unlock())
	}
	return l, nil
}

// Describe lets other processes know where this one serves HTTP.
func (l *DataLock) Describe(address string) error {
	h := l.held
	h.Address = address
	return l.describe(h)
}

func (l *DataLock) describe(h Holder) error {
	l.held = h
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("data folder %s: %w", l.dir, err)
	}
	// Renaming is atomic, so nobody reads half of it.
	next := holderFile(l.dir) + ".next"
	if err := os.WriteFile(next, append(b, '\n'), 0o600); err != nil {
		return notWritable(l.dir, err)
	}
	if err := os.Rename(next, holderFile(l.dir)); err != nil {
		return notWritable(l.dir, err)
	}
	return nil
}

// Unlock gives the folder up.
func (l *DataLock) Unlock() error {
	err := os.Remove(holderFile(l.dir))
	return errors.Join(err, l.lock.Unlock())
}

// ReadHolder reads who holds a folder, or held it when it ended without giving it
// up: only [LockDataDir] knows whether it still does.
func ReadHolder(dir string) (Holder, error) {
	var h Holder
	b, err := os.ReadFile(holderFile(dir))
	if err != nil {
		return h, fmt.Errorf("data folder: %w", err)
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, fmt.Errorf("data folder: %s: %w", holderFile(dir), err)
	}
	return h, nil
}

func holderFile(dir string) string { return filepath.Join(dir, "holder.json") }
