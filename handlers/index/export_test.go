package index

// Changed is closed with the next change of what the index holds, or of what keeps it
// from that.
func (h *Handler) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}
