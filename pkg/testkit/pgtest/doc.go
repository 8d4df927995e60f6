// Package pgtest gives every test a PostgreSQL database of its own, migrated and empty.
//
// New migrates one template database per set of schemas and migrations, and clones it for each test (about 40 ms). Tests of one
// binary share one server and may run in parallel.
//
// Where the server comes from:
//   - If NARU_TEST_POSTGRES_URL names a server (URL of a superuser), that one is used; packages of one
//     "go test" run then share it and its templates, and later runs find them again. A database of a
//     test that did not pass is kept and named in the test's log. make test starts such a server for all packages.
//   - Otherwise the binary starts a private server (no fsync) at the first New, in a folder in memory
//     (/dev/shm) if that has 2 GiB of room and TMPDIR is not set, else in the temporary folder.
//
// What is left behind: on a server of others templates and roles, of a private one nothing. The private server dies with the test
// binary, however it ends (kernel parent death signal), and a watchdog process that waits for the binary's end removes the folder
// and goes. Main stops the server in order before the binary ends; it is needed only where a test looks for leaked goroutines.
package pgtest
