package journal

// Waiting returns how many callers no transaction has taken yet.
func (g *Group[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
