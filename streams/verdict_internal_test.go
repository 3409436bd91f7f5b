package streams

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for name, tt := range map[string]struct {
		err       error
		attempt   int
		low, high time.Duration
	}{
		"first":       {cause, 0, firstRetry, firstRetry * 5 / 4},
		"third":       {cause, 2, 4 * firstRetry, 5 * firstRetry},
		"hundredth":   {cause, 100, lastRetry, lastRetry * 5 / 4},
		"named":       {fmt.Errorf("x: %w", RetryAfter(cause, time.Hour)), 3, time.Hour, time.Hour},
		"named as 0":  {RetryAfter(cause, -1), 3, 0, 0},
		"unavailable": {fmt.Errorf("x: %w", &UnavailableError{RetryAfter: time.Minute}), 0, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := retryDelay(tt.err, tt.attempt); got < tt.low || got > tt.high {
				t.Errorf("got %s, want %s to %s", got, tt.low, tt.high)
			}
		})
	}
}
