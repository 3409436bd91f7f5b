package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
	driver "modernc.org/sqlite"

	"github.com/tillstream/tillstream/domain"
)

// Index is one open file. Apply is for one goroutine; everything else may be called by
// anybody at any time.
type Index struct {
	path   string
	lock   *flock.Flock
	closed sync.RWMutex // held for reading while the file is read
	write  *sql.DB
	read   *sql.DB
	put    statements
}

// Standing is up to where an index holds everything.
type Standing struct {
	POS  Reached `json:"pos"`
	Sync Reached `json:"sync"`
	// Letters is up to where the log of dead letters is read.
	Letters domain.Position `json:"letters"`
	// Products is where its product rows stand.
	Products Products `json:"products"`
}

// Reached is a position of a log, and the message that lies there, so that another log
// is told from it.
type Reached struct {
	Position domain.Position `json:"position"`
	Mark     string          `json:"mark,omitempty"`
}

// Products says what the product rows are made of. All of them are read once, product
// by product, and then those that a message is about.
type Products struct {
	Epoch uint64 `json:"epoch"` // of the product states
	Whole bool   `json:"whole"` // all were read
	// Read is the last of those that were read, in the order of stores and ids.
	Read domain.Key `json:"read,omitzero"`
	// FromPOS and FromSync are where the logs were folded to when the reading began:
	// what lies before is in every row.
	FromPOS  domain.Position `json:"from_pos"`
	FromSync domain.Position `json:"from_sync"`
}

// Open opens the index in a file, or makes an empty one where there is none that can be
// used; anew says then why. The error says that the file cannot be made, or that another
// process has it.
func Open(ctx context.Context, path string) (x *Index, anew string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, "", fmt.Errorf("search index: %w", err)
	}
	lock := flock.New(path + ".lock")
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, "", fmt.Errorf("search index: %w", errors.Join(err, fmt.Errorf("another process has %s open", path)))
	}
	_, err = os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if !missing {
		if x, err = open(ctx, path); err == nil {
			if err = x.known(ctx); err == nil {
				x.lock = lock
				return x, "", nil
			}
			err = errors.Join(err, x.write.Close(), x.read.Close())
		}
		anew = err.Error()
		if ctx.Err() != nil {
			return nil, "", errors.Join(ctx.Err(), lock.Unlock())
		}
	}
	if x, err = create(ctx, path); err != nil {
		return nil, "", errors.Join(fmt.Errorf("search index: %w", err), lock.Unlock())
	}
	x.lock = lock
	if missing {
		anew = "there was none"
	}
	return x, anew, nil
}

// create makes an empty index in the place of what is there.
func create(ctx context.Context, path string) (*Index, error) {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	// What a shop sells is nobody else's business; the files beside it get the same mode.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, err
	}
	x, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	_, err = x.write.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", applicationID, schema, Version))
	if err == nil {
		err = x.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, x.write.Close(), x.read.Close())
	}
	return x, nil
}

// How the file is used. A commit is not synced to the disk: what a power cut takes is
// what was committed last, with the standing that says so.
var pragmas = []string{"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "temp_store(MEMORY)", "cache_size(-16000)", "wal_autocheckpoint(4000)", "trusted_schema(0)"}

// mostReaders is how many questions are answered at a time.
const mostReaders = 4

func open(ctx context.Context, path string) (*Index, error) {
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	write, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	query = url.Values{"_pragma": append(pragmas[1:len(pragmas):len(pragmas)], "query_only(1)")}
	read, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(mostReaders)
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	return &Index{path: path, write: write, read: read}, nil
}

// known refuses a file that is not of this version, or that is damaged as far as that
// is seen without reading all of it.
func (x *Index) known(ctx context.Context) error {
	var id, version int
	err := errors.Join(x.write.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id), x.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version))
	switch {
	case err != nil:
		return err
	case id != applicationID:
		return errors.New("it was no search index of tillstream")
	case version != Version:
		return fmt.Errorf("it was of version %d, and this is %d", version, Version)
	}
	if err := x.prepare(ctx); err != nil {
		return err
	}
	return x.View(ctx, func(*View) error { return nil })
}

// Close ends the use of the file, when those who read it have ended.
func (x *Index) Close() error {
	x.closed.Lock()
	defer x.closed.Unlock()
	return errors.Join(x.write.Close(), x.read.Close(), x.lock.Unlock())
}

// Remove closes the index and removes its file.
func (x *Index) Remove() error {
	err := x.Close()
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if gone := os.Remove(x.path + suffix); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// Size is how many bytes the file has.
func (x *Index) Size() int64 {
	var n int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(x.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Standing is up to where the index holds everything.
func (x *Index) Standing(ctx context.Context) (s Standing, err error) {
	err = x.View(ctx, func(v *View) error { s = v.Standing; return nil })
	return s, err
}

// View is one state of an index.
type View struct {
	Standing
	tx *sql.Tx
}

// View reads one state of the index.
func (x *Index) View(ctx context.Context, do func(*View) error) error {
	x.closed.RLock()
	defer x.closed.RUnlock()
	tx, err := x.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("read the search index: %w", err)
	}
	defer tx.Rollback()
	v := &View{tx: tx}
	var value string
	err = tx.QueryRowContext(ctx, "SELECT value FROM standing").Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return fmt.Errorf("read the search index: %w", err)
	default:
		if err := json.Unmarshal([]byte(value), &v.Standing); err != nil {
			return &DamagedError{fmt.Errorf("where the search index stands, %.80q: %w", value, err)}
		}
	}
	return do(v)
}

// DamagedError says that the file does not hold what was written into it.
type DamagedError struct{ err error }

func (e *DamagedError) Error() string { return e.err.Error() }

// Unwrap returns what was found.
func (e *DamagedError) Unwrap() error { return e.err }

// The codes by which SQLite says that a file is damaged, and that it is none of its own.
const (
	codeCorrupt = 11
	codeNotADB  = 26
)

// IsDamaged reports whether an error of an index says that its file is of no use.
func IsDamaged(err error) bool {
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		return true
	}
	failed, is := errors.AsType[*driver.Error](err)
	return is && (failed.Code()&0xff == codeCorrupt || failed.Code()&0xff == codeNotADB)
}
