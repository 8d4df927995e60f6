package witness

// ReadAnswer reads an answer without a socket.
var ReadAnswer = (*Client).read
