package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
)

// rebuilds runs the rebuilds of an engine at work, one at a time. A rebuild goes on
// without whoever asked for it.
type rebuilds struct {
	mu  sync.Mutex
	ctx context.Context // of the engine; nil before it works
	job *rebuildJob
}

type rebuildJob struct {
	wish     console.RebuildWish
	cancel   context.CancelFunc
	progress atomic.Pointer[console.RebuildProgress]
	done     chan struct{} // closed when report and err are there
	report   console.RebuildReport
	err      error
}

// open lets rebuilds work until ctx ends.
func (r *rebuilds) open(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx = ctx
}

// run waits until ctx ends, and then for the rebuild at work.
func (r *rebuilds) run(ctx context.Context) {
	<-ctx.Done()
	r.mu.Lock()
	job := r.job
	r.mu.Unlock()
	if job != nil {
		<-job.done
	}
}

// atWork is the rebuild at work, nil for none. The caller holds mu.
func (r *rebuilds) atWork() *rebuildJob {
	if r.job == nil {
		return nil
	}
	select {
	case <-r.job.done:
		return nil
	default:
		return r.job
	}
}

// progress is how far the rebuild at work is, nil for none.
func (r *rebuilds) progress() *console.RebuildProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if job := r.atWork(); job != nil {
		return job.progress.Load()
	}
	return nil
}

// take begins a rebuild, or joins the one at work if it is to the same end.
func (r *rebuilds) take(wish console.RebuildWish, do func(context.Context, *rebuildJob)) (*rebuildJob, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil || r.ctx.Err() != nil {
		return nil, problem.New(http.StatusServiceUnavailable, "starting, or ending")
	}
	if job := r.atWork(); job != nil {
		if job.wish == wish {
			return job, nil
		}
		return nil, problem.New(http.StatusConflict, "another rebuild is at work").WithHint("tillstream rebuild --cancel, or wait: tillstream status says how far it is")
	}
	ctx, cancel := context.WithCancel(r.ctx)
	job := &rebuildJob{wish: wish, cancel: cancel, done: make(chan struct{})}
	r.job = job
	go func() {
		defer close(job.done)
		defer cancel()
		do(ctx, job)
	}()
	return job, nil
}

// stop ends the rebuild at work.
func (r *rebuilds) stop() error {
	r.mu.Lock()
	job := r.atWork()
	r.mu.Unlock()
	if job == nil {
		return problem.New(http.StatusConflict, "no rebuild is at work")
	}
	job.cancel()
	<-job.done
	return nil
}

// tellEvery is how often a caller is told how far a rebuild is.
const tellEvery = 200 * time.Millisecond

// Rebuild is of [console.Rebuilder].
func (e *engine) Rebuild(ctx context.Context, wish console.RebuildWish, tell func(console.RebuildProgress)) (console.RebuildReport, error) {
	switch {
	case !e.ready.Load():
		return console.RebuildReport{}, problem.New(http.StatusServiceUnavailable, "still folding what is in the log")
	case wish.Index: // which every process has for itself
	case !e.roles.has(roleProject):
		return console.RebuildReport{}, problem.New(http.StatusServiceUnavailable, "this process does not project: it has not the role, or stands by for the one that does").
			WithHint("the same with --server URL, of the process whose log says that it is the owner")
	case wish.Cancel:
		return console.RebuildReport{}, e.rebuilds.stop()
	}
	job, err := e.rebuilds.take(wish, func(ctx context.Context, job *rebuildJob) {
		job.report, job.err = e.rebuild(ctx, wish, func(p console.RebuildProgress) { job.progress.Store(&p) })
		if job.err != nil {
			e.app.log.Warn("a rebuild has ended", "err", job.err)
		} else if job.report.Switched {
			e.app.tellSwitched(&job.report)
		}
	})
	if err != nil {
		return console.RebuildReport{}, err
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-job.done:
			if job.err != nil && ctx.Err() == nil && errors.Is(job.err, context.Canceled) {
				return job.report, problem.New(http.StatusConflict, "the rebuild was ended; the next one goes on from what it had stored, or begins anew")
			}
			return job.report, job.err
		case <-tick.C:
			if p := job.progress.Load(); p != nil {
				tell(*p)
			}
		case <-ctx.Done():
			if wish.DryRun || wish.At > 0 {
				job.cancel() // it was for the caller alone
			}
			return console.RebuildReport{}, ctx.Err()
		}
	}
}

// withinReach is how many events a new epoch may be behind when projecting pauses for
// it to catch up.
const withinReach = 5000

// rebuild folds a new epoch beside the catalog in use, and switches to it.
func (e *engine) rebuild(ctx context.Context, wish console.RebuildWish, tell func(console.RebuildProgress)) (report console.RebuildReport, err error) {
	switch {
	case wish.Forget:
		return e.app.forget(ctx, wish.DryRun)
	case wish.Index:
		return e.renewIndex(ctx, wish.DryRun, tell)
	case wish.Item != "":
		return e.rebuildItem(ctx, wish, tell)
	}
	b := &epochBuild{app: e.app, wish: wish, tell: tell, publications: e.publications, opened: e.building.Store}
	defer e.building.Store(nil)
	if at := e.catalog.Position(); wish.At > at {
		return report, problem.Newf(http.StatusUnprocessableEntity, "at: %d: the log is folded up to position %d", wish.At, at)
	}
	defer func() {
		if b.looks() {
			if dropErr := b.discard(ctx); err == nil {
				err = dropErr
			}
		}
	}()
	if err := b.begin(ctx); err != nil {
		return b.report, err
	}
	if wish.At > 0 {
		b.report.NotCompared = fmt.Sprintf("the current epoch is at position %d", e.catalog.Position())
		if err := b.fold(ctx, wish.At); err != nil {
			return b.report, err
		}
		return b.report, b.sum()
	}
	for {
		to := e.catalog.Position()
		if err := b.fold(ctx, to); err != nil {
			return b.report, err
		}
		if e.catalog.Position()-to < withinReach {
			break
		}
	}
	err = e.pause(ctx, func() error {
		if err := b.fold(ctx, e.catalog.Position()); err != nil {
			return err
		}
		if err := b.compare(ctx, e.catalog); err != nil {
			return err
		}
		if err := b.sum(); err != nil || b.looks() {
			return err
		}
		if err := b.switchOver(ctx); err != nil {
			return err
		}
		return e.adopt(b)
	})
	if !b.report.Switched {
		return b.report, err
	}
	// There is no way back by ending the rebuild now. What is not settled within this
	// time, the next start or rebuild settles.
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err = errors.Join(err, b.settle(settling))
	if e.index != nil {
		b.report.Index = reindex(ctx, e.index, tell)
	}
	return b.report, err
}

const settleWithin = time.Minute

// adopt goes on with a new epoch in the place of the one in use: whoever reads the
// catalog reads the new one at once.
func (e *engine) adopt(b *epochBuild) error {
	e.catalog.Adopt(b.catalog)
	return e.listen(b.epoch)
}

// pausing asks the projecting to rest while something is done.
type pausing struct {
	do   func() error
	done chan error
}

// pause does something while nothing is folded: everything folded is stored by then.
func (e *engine) pause(ctx context.Context, do func() error) error {
	p := pausing{do, make(chan error, 1)}
	select {
	case e.pauses <- p:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return <-p.done
}

// projecting folds until ctx ends, but for pauses.
func (e *engine) projecting(ctx context.Context) error {
	for {
		working, rest := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- e.project.Run(working) }()
		select {
		case err := <-ended:
			rest()
			return err
		case p := <-e.pauses:
			rest()
			if err := <-ended; err != nil {
				p.done <- err
				return err
			}
			p.done <- p.do()
		}
	}
}

// aLongLog is how many events are worth [engine.foldAtOnce]: with a million products, that
// folds some 100,000 a second, and projecting, which stores all the states on their way, 8,000.
const aLongLog = 100_000

// foldAtOnce folds a long log of which nothing is folded yet, as after a restore, into a new
// epoch, and goes on with it in the place of the empty one. It does nothing with any other.
// Events are taken in meanwhile, and the status tells of a rebuild; nobody can ask for one
// before the process is ready. Interrupted, the next start goes on from what is stored, or
// begins anew. hears is closed once the engine hears of snapshots.
func (e *engine) foldAtOnce(ctx context.Context, hears <-chan struct{}) error {
	if e.catalog.Position() > 0 || e.goal < e.app.longLog {
		return nil
	}
	select {
	case <-hears:
	case <-ctx.Done():
		return ctx.Err()
	}
	said := e.app.tellRebuild("folding the log at once, since nothing of it is folded yet")
	job, err := e.rebuilds.take(console.RebuildWish{}, func(ctx context.Context, job *rebuildJob) {
		job.report, job.err = e.buildFirst(ctx, func(p console.RebuildProgress) {
			job.progress.Store(&p)
			said(p)
		})
	})
	if err != nil {
		return err
	}
	<-job.done
	if job.err != nil {
		return fmt.Errorf("fold the log at once: %w", job.err)
	}
	e.app.tellSwitched(&job.report)
	e.tellLetters(job.report.DeadLetters)
	return nil
}

// buildFirst builds and switches, while nothing else folds. What else belongs to a switch
// does not end the process: the next start settles it.
func (e *engine) buildFirst(ctx context.Context, tell func(console.RebuildProgress)) (console.RebuildReport, error) {
	b := &epochBuild{app: e.app, tell: tell, publications: e.publications, opened: e.building.Store, hears: true}
	defer e.building.Store(nil)
	if err := b.begin(ctx); err != nil {
		return b.report, err
	}
	if err := b.fold(ctx, e.goal); err != nil {
		return b.report, err
	}
	if err := b.sum(); err != nil {
		return b.report, err
	}
	if err := e.sources.TakeUp(ctx, b.heard, e.goal); err != nil && ctx.Err() == nil {
		e.app.log.Warn("when the sources of events were heard of is not stored yet", "err", err)
	}
	if err := b.switchOver(ctx); err != nil {
		return b.report, err
	}
	if err := e.adopt(b); err != nil {
		return b.report, err
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err := b.settle(settling)
	if err == nil {
		_, err = e.app.forget(settling, false) // which is empty, and so no way back
	}
	if err != nil {
		e.app.log.Warn("what is left to do behind the switch waits for the next start or rebuild", "err", err)
	}
	return b.report, nil
}
