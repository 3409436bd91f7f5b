package projections

// TakeNote sets of how many changes note is taken.
func (n *Census) TakeNote(most int) { n.unseen.most = most }

// Left is how many products all items have left that have a twin.
func (c Counts) Left() int { return c.left }
