package web

// MailsWords are those of the page Mails.
type MailsWords struct {
	Hint, Which, First, Later, Lasting, Short     string
	UsedNow, Switch, Looks, Text, Source, Subject string
	Light, Dark, Desktop, Phone, Frame, Broken    string
	Lint, Good, Mind, Measured                    string
	Test, TestHint, To, Send, BadAddress          string
	TestDone, TestFailed, ServerSaid              string
	Checks                                        map[string]string // by finding.Check
}

func englishMails() MailsWords {
	return MailsWords{
		Hint:  "Every mail as it will look, to a made-up person and with a made-up link.",
		Which: "Mail", First: "first", Later: "a later one", Lasting: "with a link that never expires", Short: "with a link that expires",
		UsedNow: "as mails are sent now", Switch: "Look at the other kind of link", Looks: "Looks", Text: "Text", Source: "Source", Subject: "Subject",
		Light: "Light", Dark: "Dark", Desktop: "Desktop", Phone: "Phone", Frame: "The mail: %s", Broken: "This mail can't be written",
		Lint: "Checks", Good: "Good", Mind: "Mind", Measured: "measured: %s",
		Test: "Send a test", TestHint: "The mail goes out at once, with its made-up link. You see what the mail server says.", To: "To the address", Send: "Send the test",
		BadAddress: "That is no e-mail address.", TestDone: "The mail server took the test for %s.", TestFailed: "The test for %s did not go out.", ServerSaid: "The server's own words",
		Checks: map[string]string{
			"size": "The page is well below the 102 KB at which Gmail clips it", "subject": "The subject has at most 70 characters", "phone": "The subject fits on a phone: 45 characters",
			"shouting": "The subject does not shout", "links": "There are few links", "insecure": "Every link is https", "images": "No images to fetch, which many programs block",
			"alt": "Every image has a text", "scripts": "No scripts, forms or frames, which mail programs remove", "text": "The text says it all for whoever reads no HTML",
			"lines": "Lines of the text have at most 78 characters", "dark": "There are colours for dark mode", "language": "The language is named, for screen readers",
		},
	}
}

func spanishMails() MailsWords {
	return MailsWords{
		Hint:  "Cada correo como se verá, a una persona inventada y con un enlace inventado.",
		Which: "Correo", First: "el primero", Later: "uno posterior", Lasting: "con un enlace que no vence", Short: "con un enlace que vence",
		UsedNow: "como se envían ahora", Switch: "Ver el otro tipo de enlace", Looks: "Aspecto", Text: "Texto", Source: "Código", Subject: "Asunto",
		Light: "Claro", Dark: "Oscuro", Desktop: "Escritorio", Phone: "Teléfono", Frame: "El correo: %s", Broken: "Este correo no se puede escribir",
		Lint: "Comprobaciones", Good: "Bien", Mind: "Ojo", Measured: "medido: %s",
		Test: "Enviar una prueba", TestHint: "El correo sale de inmediato, con su enlace inventado. Verá lo que dice el servidor de correo.", To: "A la dirección", Send: "Enviar la prueba",
		BadAddress: "Eso no es una dirección de correo.", TestDone: "El servidor de correo aceptó la prueba para %s.", TestFailed: "La prueba para %s no salió.", ServerSaid: "Las palabras del servidor",
		Checks: map[string]string{
			"size": "La página queda lejos de los 102 KB en que Gmail la corta", "subject": "El asunto tiene 70 caracteres como máximo", "phone": "El asunto cabe en un teléfono: 45 caracteres",
			"shouting": "El asunto no grita", "links": "Hay pocos enlaces", "insecure": "Todos los enlaces son https", "images": "Sin imágenes que descargar, que muchos programas bloquean",
			"alt": "Cada imagen tiene un texto", "scripts": "Sin scripts, formularios ni marcos, que los programas de correo quitan", "text": "El texto lo dice todo a quien no lee HTML",
			"lines": "Las líneas del texto tienen 78 caracteres como máximo", "dark": "Hay colores para el modo oscuro", "language": "El idioma está indicado, para lectores de pantalla",
		},
	}
}
