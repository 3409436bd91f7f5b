package standin

// Recent keeps the newest of what is added to it: Limit of them, or all when that is 0. It is for one goroutine at a time.
type Recent[T any] struct {
	Limit int
	list  []T
}

// Add adds one.
func (r *Recent[T]) Add(one T) {
	r.list = append(r.list, one)
	// Twice the limit before cutting back to it makes forgetting cheap.
	if r.Limit > 0 && len(r.list) > 2*r.Limit {
		r.list = append(r.list[:0:0], r.list[len(r.list)-r.Limit:]...)
	}
}

// Newest returns what is kept, the oldest first. It is valid until the next Add.
func (r *Recent[T]) Newest() []T {
	if r.Limit > 0 && len(r.list) > r.Limit {
		return r.list[len(r.list)-r.Limit:]
	}
	return r.list
}
