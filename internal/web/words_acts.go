package web

// ActWords are those about acts in general.
type ActWords struct {
	NoReason, NoLine, LongReason, NotTyped string
}

func englishActs() ActWords {
	return ActWords{
		NoReason:   "Write down why: the reason stays in the audit log.",
		NoLine:     "The reason must be one line of text, without control characters.",
		LongReason: "The reason is too long: at most %d characters are allowed.",
		NotTyped:   "This is about many users: type their number, %d, to confirm. It may have changed since you opened the page.",
	}
}

func spanishActs() ActWords {
	return ActWords{
		NoReason:   "Escriba por qué: el motivo queda en la auditoría.",
		NoLine:     "El motivo debe ser una sola línea de texto, sin caracteres de control.",
		LongReason: "El motivo es demasiado largo: se permiten %d caracteres como máximo.",
		NotTyped:   "Se trata de muchos usuarios: escriba su número, %d, para confirmar. Puede haber cambiado desde que abrió la página.",
	}
}
