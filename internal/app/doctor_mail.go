package app

import (
	"html"

	"alta/pipeline"
)

// testContent is the mail that 'alta doctor --send-to' sends.
func testContent(brand string) pipeline.Content {
	const text = "This is a test mail from alta, sent by 'alta doctor --send-to'.\r\n" +
		"It reached you, so the way to the mail server works: áéíóú ñ ¿? ¡!\r\n"
	return pipeline.Content{
		Subject: "Test mail from alta for " + brand,
		Text:    text,
		HTML:    `<!doctype html><html lang="en"><body><p>` + html.EscapeString(text) + `</p></body></html>`,
	}
}
