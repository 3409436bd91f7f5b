package streams_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/streams"
)

func TestLockDataDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	lock, err := streams.LockDataDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	second := func() string {
		t.Helper()
		_, err := streams.LockDataDir(dir)
		var locked *streams.LockedError
		if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() {
			t.Fatalf("got error %v, want one that names process %d", err, os.Getpid())
		}
		return err.Error()
	}
	if got := second(); !strings.HasSuffix(got, "; stop it, or name another folder") {
		t.Errorf("got %s", got)
	}
	if err := lock.Describe("http://127.0.0.1:8080"); err != nil {
		t.Fatal(err)
	}
	if got := second(); !strings.Contains(got, "which serves http://127.0.0.1:8080; use that") {
		t.Errorf("got %s", got)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	lock, err = streams.LockDataDir(dir)
	if err != nil {
		t.Fatalf("lock a folder that was given up: %v", err)
	}
	if h, err := streams.ReadHolder(dir); err != nil || h.Address != "" || h.Since.IsZero() {
		t.Errorf("got holder %+v, %v; want no address of an earlier one", h, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
}
