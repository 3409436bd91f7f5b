package simulator

// Down makes the store answer everything with 503, or ends that.
func (s *Store) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// RevokeToken makes the store refuse its token, except for the control API.
func (s *Store) RevokeToken() { s.setRevoked(true) }

// RestoreToken makes the store take its token again.
func (s *Store) RestoreToken() { s.setRevoked(false) }

func (s *Store) setRevoked(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = revoked
}
