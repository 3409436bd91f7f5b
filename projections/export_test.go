package projections

// Left is how many products all items have left that have a twin.
func (c Counts) Left() int { return c.left }
