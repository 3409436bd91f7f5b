package projections

// Efficiency says what publishing costs, against the least that BigCommerce's API
// allows, and how long what waits will take.
type Efficiency struct {
	// Requests were sent since the start of the process, reads and repetitions
	// included; Bound is the fewest in which BigCommerce would have taken what it
	// took of them: creations one by one, updates in the largest batches that could
	// be made of what was due at a time, and stock that could not wait.
	Requests uint64 `json:"requests"`
	Bound    uint64 `json:"bound"`
	// Score is Bound to Requests: 1 when none was too many, or none was sent.
	Score float64 `json:"score"`

	// Quota is how many requests a window has, of all apps of the store; 0 when
	// BigCommerce has not said so.
	Quota     int   `json:"quota"`
	QuotaLeft int   `json:"quota_left"`
	WindowMS  int64 `json:"window_ms"`
	// QuotaShare is the part of the last whole window that we used, OthersShare what
	// other apps were seen to use.
	QuotaShare  float64 `json:"quota_share"`
	OthersShare float64 `json:"others_share"`

	// Waiting is how many products wait for BigCommerce, RequestsLeft the fewest
	// requests for them, DrainSeconds how long these take at the present quota.
	Waiting      int     `json:"waiting"`
	RequestsLeft int     `json:"requests_left"`
	DrainSeconds float64 `json:"drain_seconds"`
}
