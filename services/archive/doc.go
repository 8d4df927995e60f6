// Package archive is the unit that … (guide …). Say here what it does, and draw the states of its rows.
package archive
