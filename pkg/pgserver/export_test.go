package pgserver

// Port returns the TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Err waits until the server has ended for good and returns how: nil after a clean shutdown.
func (s *Server) Err() error {
	<-s.Done()
	return s.running().Err()
}
