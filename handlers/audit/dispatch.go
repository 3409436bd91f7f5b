package audit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
)

// Receiver is somebody else who is to have the signed heads.
type Receiver struct {
	Name string // for people; without secrets
	Send func(ctx context.Context, signed []byte) error
}

// FileReceiver appends every head to a file, and a blank line behind it. One that is
// among the last that the file has is not appended again.
func FileReceiver(path string) Receiver {
	return Receiver{Name: path, Send: func(_ context.Context, signed []byte) error {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		if !endsWith(f, signed) {
			_, err = f.Write(append(bytes.Clone(signed), '\n'))
		}
		if syncErr := f.Sync(); err == nil {
			err = syncErr
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		return err
	}}
}

// endsWith reports whether the last heads of a file are among those to be written.
func endsWith(f *os.File, signed []byte) bool {
	const few = 4 << 10
	info, err := f.Stat()
	if err != nil {
		return false
	}
	end := make([]byte, min(info.Size(), few))
	n, err := f.ReadAt(end, info.Size()-int64(len(end)))
	return err == nil && bytes.Contains(end[:n], signed)
}

// sendTimeout bounds one request to a receiver.
const sendTimeout = 10 * time.Second

// HTTPReceiver posts every head to a URL, as text. Any answer of success is enough.
func HTTPReceiver(url string) Receiver {
	client := &http.Client{Timeout: sendTimeout}
	return Receiver{Name: url, Send: func(ctx context.Context, signed []byte) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(signed))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "text/plain; charset=utf-8")
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		const courtesy = 64 << 10 // so that the connection may be used again
		_, _ = io.CopyN(io.Discard, answer.Body, courtesy)
		if answer.StatusCode/100 != 2 {
			return fmt.Errorf("answered %s", answer.Status)
		}
		return nil
	}}
}

// dispatch sends the heads of one log to one receiver. A head that comes while an
// older one waits takes its place: the newer covers what the older does.
type dispatch struct {
	receiver *Receiver
	now      func() time.Time
	offered  chan struct{}
	done     chan struct{} // closed when nothing is to be sent any more

	mu       sync.Mutex
	waiting  []byte
	at       domain.Position // of what waits
	sent     SentStatus
	finished bool
}

func newDispatch(r *Receiver, now func() time.Time) *dispatch {
	return &dispatch{receiver: r, now: now, offered: make(chan struct{}, 1), done: make(chan struct{}), sent: SentStatus{To: r.Name}}
}

// offer gives a newer head to be sent.
func (d *dispatch) offer(signed []byte, at domain.Position) {
	d.mu.Lock()
	d.waiting, d.at = signed, at
	d.mu.Unlock()
	d.nudge()
}

func (d *dispatch) nudge() {
	select {
	case d.offered <- struct{}{}:
	default:
	}
}

// finish waits until what was offered is sent, and not much longer than wait.
func (d *dispatch) finish(wait time.Duration) {
	d.mu.Lock()
	d.finished = true
	d.mu.Unlock()
	d.nudge()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-d.done:
	case <-timer.C:
	}
}

func (d *dispatch) run(ctx context.Context) {
	defer close(d.done)
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = time.Second, time.Minute
	for {
		d.mu.Lock()
		signed, at, finished := d.waiting, d.at, d.finished
		d.mu.Unlock()
		if signed == nil {
			if finished {
				return
			}
			select {
			case <-d.offered:
			case <-ctx.Done():
				return
			}
			continue
		}
		err := d.receiver.Send(ctx, signed)
		d.told(signed, at, err)
		if err == nil {
			pauses.Reset()
			continue
		}
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
			return
		}
	}
}

func (d *dispatch) told(signed []byte, at domain.Position, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.sent.Problem = err.Error()
		return
	}
	d.sent = SentStatus{To: d.receiver.Name, Head: at, At: d.now().UTC()}
	if d.at == at {
		d.waiting = nil
	}
}

func (d *dispatch) status() SentStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent
}
