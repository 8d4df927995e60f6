package pgserver

// Port returns the TCP port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Done is closed when the server has ended, through Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Err waits until the server has ended. It returns nil after a clean shutdown.
func (s *Server) Err() error {
	<-s.child.Done()
	return s.child.Err()
}
