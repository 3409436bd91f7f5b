package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	common int // see [common]
}

// Standing is up to where an index holds everything.
type Standing struct {
	POS  Reached `json:"pos"`
	Sync Reached `json:"sync"`
	// Letters is up to where the log of dead letters is read.
	Letters domain.Position `json:"letters"`
	// Products is where its product rows stand.
	Products Products `json:"products"`
	// Sheets is how many there are of each log.
	Sheets Sheets `json:"sheets"`
}

// Sheets counts the sheets of the logs. Each has those of the numbers from 0 on.
type Sheets struct {
	POS  int64 `json:"pos"`
	Sync int64 `json:"sync"`
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

// Missing is why an index is new where there was no file.
const Missing = "there was none"

// ForeignError says that a file is no index, and that it may be somebody else's.
type ForeignError struct{ Path string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is no search index of tillstream, and is left as it is: name another file, or remove this one", e.Path)
}

// Open opens the index in a file, or makes an empty one where there is none, or one of
// another version or that is damaged; anew says then why. What lies there and is no index
// is a [*ForeignError], unless own says that nobody else has a file of that name. Any
// other error says that the file cannot be opened or made, or that another process has it.
func Open(ctx context.Context, path string, own bool) (x *Index, anew string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, "", fmt.Errorf("search index: %w", err)
	}
	lock, err := lockOf(path)
	if err != nil {
		return nil, "", err
	}
	if anew, err = unknown(path, own); err == nil && anew == "" {
		x, anew, err = reopen(ctx, path)
	}
	if err == nil && anew != "" {
		if err = create(ctx, path); err == nil {
			x, _, err = reopen(ctx, path)
		}
	}
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("search index: %w", err), lock.Unlock())
	}
	x.lock = lock
	return x, anew, nil
}

// OpenExisting opens the index in a file, and makes none. The error is [domain.ErrNotFound]
// where there is none of this version, or it is damaged; it says why then. Any other is as
// with [Open].
func OpenExisting(ctx context.Context, path string) (*Index, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if why, err := unknown(path, true); err != nil || why != "" {
		return nil, lacking(why, err)
	}
	lock, err := lockOf(path)
	if err != nil {
		return nil, err
	}
	x, useless, err := reopen(ctx, path)
	if err != nil || useless != "" {
		return nil, errors.Join(lacking(useless, err), lock.Unlock())
	}
	x.lock = lock
	return x, nil
}

// lacking is why there is no index.
func lacking(why string, err error) error {
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	return fmt.Errorf("search index: %s: %w", why, domain.ErrNotFound)
}

// lockOf locks the file of an index, which one process at a time has open.
func lockOf(path string) (*flock.Flock, error) {
	lock := flock.New(path + ".lock")
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, fmt.Errorf("search index: %w", errors.Join(err, fmt.Errorf("another process has %s open", path)))
	}
	return lock, nil
}

// unknown says why there is no index in a file, as far as its first bytes tell, and
// nothing if there is one. It leaves the file as it is.
func unknown(path string, own bool) (why string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	header := make([]byte, 100) // https://sqlite.org/fileformat.html#the_database_header
	switch n, err := io.ReadFull(f, header); {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return "", err
	case n == 0:
		return "the file was empty", nil
	case n == len(header) && binary.BigEndian.Uint32(header[68:]) == applicationID:
		return "", nil
	case own:
		return "it was no search index", nil
	}
	return "", &ForeignError{path}
}

// reopen opens an index, or says why it is of no use.
func reopen(ctx context.Context, path string) (x *Index, useless string, err error) {
	if x, err = open(ctx, path); err == nil {
		if err = x.known(ctx); err == nil {
			return x, "", nil
		}
		err = errors.Join(err, x.write.Close(), x.read.Close())
	}
	if _, outdated := errors.AsType[*outdatedError](err); ctx.Err() == nil && (outdated || IsDamaged(err)) {
		return nil, err.Error(), nil
	}
	return nil, "", err
}

// create puts an empty index in the place of what is there.
func create(ctx context.Context, path string) error {
	for _, suffix := range []string{"-wal", "-shm", ".new", ".new-wal", ".new-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// What a shop sells is nobody else's business; the files beside it get the same mode.
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		return err
	}
	x, err := open(ctx, path+".new")
	if err != nil {
		return err
	}
	_, err = x.write.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", applicationID, schema, Version))
	// The last to close it brings everything into the file itself.
	if err := errors.Join(err, x.read.Close(), x.write.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
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
	return &Index{path: path, write: write, read: read, common: common}, nil
}

// outdatedError says that a file is of another version.
type outdatedError struct{ version int }

func (e *outdatedError) Error() string {
	return fmt.Sprintf("it was of version %d, and this is %d", e.version, Version)
}

// known refuses a file that is not of this version, or that is damaged as far as that
// is seen without reading all of it.
func (x *Index) known(ctx context.Context) error {
	var version int
	switch err := x.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); {
	case err != nil:
		return err
	case version != Version:
		return &outdatedError{version}
	}
	if err := x.prepare(ctx); codeOf(err) == codeError {
		return &DamagedError{err} // the tables are not those of this version
	} else if err != nil {
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
	tx     *sql.Tx
	common int
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
	v := &View{tx: tx, common: x.common}
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
type DamagedError struct{ Err error }

func (e *DamagedError) Error() string { return e.Err.Error() }

// Unwrap returns what was found.
func (e *DamagedError) Unwrap() error { return e.Err }

// The codes by which SQLite says that a statement does not fit the tables, that a file is
// damaged or cut, that a row is there twice, and that a file is none of its own.
const (
	codeError      = 1
	codeCorrupt    = 11
	codeCut        = 10 | 2<<8
	codeConstraint = 19
	codeNotADB     = 26
)

// IsDamaged reports whether an error of an index says that its file is of no use.
func IsDamaged(err error) bool {
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		return true
	}
	code := codeOf(err)
	return code == codeCut || code&0xff == codeCorrupt || code&0xff == codeNotADB || code&0xff == codeConstraint
}

// Failed reports whether it was SQLite that failed, and not who asked it.
func Failed(err error) bool { return codeOf(err) != 0 || IsDamaged(err) }

// codeOf is SQLite's code of an error, 0 if it is none of SQLite's.
func codeOf(err error) int {
	if failed, is := errors.AsType[*driver.Error](err); is {
		return failed.Code()
	}
	return 0
}
