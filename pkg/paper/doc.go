// Package paper draws plain documents in Korean on A4 pages, and puts a machine-readable copy beside them.
//
// Text is drawn in NanumGothic, unchanged, under the SIL Open Font License 1.1 (font/OFL.txt), and characters that it lacks in
// DejaVu Sans; one that neither has is drawn as a box with its code point, never left out. A document holds only the glyphs that
// it uses.
package paper
