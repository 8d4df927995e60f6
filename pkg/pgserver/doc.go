// Package pgserver runs a private PostgreSQL server from the binaries installed on this machine, as a child of this process.
//
// Contract:
//   - One folder (Options.Dir) holds everything: the data and the
//     superuser's password. The folder may be started again after any end of
//     the former server, kill -9 included; PostgreSQL recovers it.
//   - The server listens on 127.0.0.1 only, on no unix socket, and asks
//     every connection for a password (SCRAM).
//   - A server that ends by itself is started again at its address, after
//     pauses that grow to a minute, and at once where its disk was full and has
//     room again (keep.go). Each end is logged with the server's own reason.
//   - The server never outlives this process: the kernel tells it to shut down
//     when the process dies, however it dies (Linux parent death signal).
//   - A root process is no obstacle: the server then runs as user "postgres", else
//     "nobody", because PostgreSQL refuses to run as root.
//   - The server's log never holds row values or statements: error details are
//     cut off (terse) and failing statements are not repeated.
//
// Layout of Options.Dir:
//
//	data/                the cluster, owned by the server's user
//	superuser.password   0600, owned by this process's user
package pgserver
