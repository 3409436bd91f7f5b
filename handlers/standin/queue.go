package standin

import (
	"container/heap"
	"time"
)

// Queue holds what is to be done at a time: the earliest first, and of one time what was pushed first. It is for one
// goroutine at a time, but for [Queue.Changed].
type Queue[T any] struct {
	waiting waiting[T]
	seq     int64
	changed chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue[T any]() Queue[T] { return Queue[T]{changed: make(chan struct{}, 1)} }

// Push adds what is to be done at a time.
func (q *Queue[T]) Push(what T, at time.Time) {
	q.seq++
	heap.Push(&q.waiting, timed[T]{what, at, q.seq})
	q.Wake()
}

// Wake has whoever waits for Changed look again.
func (q *Queue[T]) Wake() {
	select {
	case q.changed <- struct{}{}:
	default: // it is told already
	}
}

// Changed yields when something may have become due earlier than it was.
func (q *Queue[T]) Changed() <-chan struct{} { return q.changed }

// Pop takes what is due, or returns false.
func (q *Queue[T]) Pop(now time.Time) (what T, ok bool) {
	if at := q.Next(); at.IsZero() || at.After(now) {
		return what, false
	}
	return heap.Pop(&q.waiting).(timed[T]).what, true
}

// Next is when something is due; zero for never.
func (q *Queue[T]) Next() time.Time {
	if len(q.waiting) == 0 {
		return time.Time{}
	}
	return q.waiting[0].at
}

// Len is how many wait.
func (q *Queue[T]) Len() int { return len(q.waiting) }

type timed[T any] struct {
	what T
	at   time.Time
	seq  int64
}

// waiting is a heap.
type waiting[T any] []timed[T]

func (w waiting[T]) Len() int { return len(w) }
func (w waiting[T]) Less(i, j int) bool {
	return w[i].at.Before(w[j].at) || w[i].at.Equal(w[j].at) && w[i].seq < w[j].seq
}
func (w waiting[T]) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waiting[T]) Push(x any)   { *w = append(*w, x.(timed[T])) }
func (w *waiting[T]) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
