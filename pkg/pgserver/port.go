package pgserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports of servers lie below those of outgoing connections: such a connection, even one that looks for the server itself, would
// take the port while the server is away.
const (
	firstPort = 18000
	lastPort  = 20000
	portTries = 100
)

// pickPort is the wanted port, or for 0 a free one.
func pickPort(wanted int) (int, error) {
	if wanted != 0 {
		return wanted, nil
	}
	var last error
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)                                     //nolint:gosec // a port is no secret
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // closed at once, nothing to cancel
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, errors.Join(errors.New("find a free port"), fmt.Errorf("tried %d: %w", portTries, last))
}
