// Package standin is what the stand-ins for other people's services have in common, and that is nothing of what they stand
// in for: how they are called without a network, what they remember, how they deliver webhooks on a clock of their own,
// and how their settings and faults are read from JSON.
package standin
