package ingest

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Log is the POS log as ingest needs it.
type Log interface {
	// Submit queues a group of events behind what was submitted before; the group
	// is recorded whole or not at all. The returned function waits for the answer:
	// one for each event, in order, or the error that kept the group out.
	Submit(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error)
	// SubmitBulk is Submit for events that let others pass.
	SubmitBulk(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error)
}

// DefaultPatience is how long an event waits for the log's answer. A broker that is
// away longer is told to the caller, who then sends again.
const DefaultPatience = 15 * time.Second

// Service appends what comes in for any store.
type Service struct {
	// Patience is [DefaultPatience], unless changed as all of these before the first
	// use.
	Patience time.Duration
	// Projection is what a request that appends much keeps to; nil where nothing is
	// known of it. It appends no more while something that was answered longer than
	// MostAhead ago, [DefaultMostAhead], is not projected.
	Projection Projection
	MostAhead  time.Duration
	// Products is what a dry run of an import compares with; nil for nothing.
	Products Products
	// Notes is where unfinished imports are noted; nil for nowhere.
	Notes *streams.Bucket
	// Spool is the folder for files that have to be read twice, of at most MostSpooled
	// bytes, [DefaultMostSpooled]. It is made when it is needed; empty is the system's
	// folder for such files.
	Spool       string
	MostSpooled int64

	log Log
	now func() time.Time
	// waiting is what the events that are on their way into the log take of memory, and
	// queued how many those are that somebody waits for.
	waiting, queued *semaphore.Weighted
}

// New returns a Service that appends to log.
func New(log Log, now func() time.Time) *Service {
	return &Service{Patience: DefaultPatience, MostAhead: DefaultMostAhead, MostSpooled: DefaultMostSpooled, log: log, now: now, waiting: semaphore.NewWeighted(MostWaiting), queued: semaphore.NewWeighted(MostQueued)}
}

func (s *Service) await(ctx context.Context, wait func(context.Context) ([]streams.Appended, error)) ([]streams.Appended, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return wait(ctx)
}
