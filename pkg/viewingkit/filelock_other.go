//go:build !unix

package viewingkit

import "os"

// lockFile does nothing where there is no advisory lock: the operator sees to it
// that one process has the log open.
func lockFile(*os.File) error { return nil }
