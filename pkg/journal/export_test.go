package journal

// Joining is how many callers of Together no transaction has taken yet.
func (j *Journal) Joining() int {
	j.together.mu.Lock()
	defer j.together.mu.Unlock()
	return len(j.together.members)
}
