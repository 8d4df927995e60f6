// Package pdfscan finds in a PDF what a file that strangers open should not hold: encryption, scripts, actions that start
// programs, and embedded files.
//
// It reads a PDF once from its beginning to its end, in bounded memory, and never follows the cross-reference table: that may
// lie, and what it leaves out is found, too. Outside of objects nothing hides anything: neither a comment nor a parenthesis there
// keeps "5 0 obj" from being an object, since a cross-reference could lead to it. Inside an object, strings, comments and the
// bytes of streams are passed over, so text is no finding; but what looks like the beginning of an object there ("5 0 obj <<")
// makes the file malformed.
//
// Object streams are inflated and looked through. Names are compared after their escapes (#4a) are read.
//
// A file in which objects cannot be told from each other is PDF_MALFORMED, and so is an object stream that cannot be inflated. In
// a file that is encrypted only the encryption is told of that.
//
// # What it does not find
//
// What lies in the bytes of ordinary streams (images, fonts, pages) is not looked at. An object within a string of an object
// stream is not found. A reader that repairs a file by guessing may see something else than every other reader; PDF_MALFORMED is
// there to refuse such files.
//
// # Bounds
//
// Nesting is at most maxDepth, inflated bytes are at most maxInflated for the whole file, findings are at most maxPerReason of
// each reason. The work is linear in the size of the file and of what it inflates to; memory is about a hundred KiB.
package pdfscan
