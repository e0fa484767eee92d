import pytest

from cache.language import UNKNOWN, language


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I reset my password?", "en"),
        ("Wie kann ich mein Passwort ändern?", "de"),
        ("Comment est-ce que je peux changer mon mot de passe ?", "fr"),
        ("¿Cómo puedo cambiar mi contraseña?", "es"),
        ("Come posso cambiare la mia password?", "it"),
        ("Como posso mudar a minha senha?", "pt"),
        ("Hoe kan ik mijn wachtwoord wijzigen?", "nl"),
        ("Как изменить пароль?", "cyrillic"),
        ("パスワードを変更する方法は?", "katakana"),
        ("kubectl rollout restart", "latin"),
        ("42?", UNKNOWN),
    ],
)
def test_language(question: str, expected: str) -> None:
    assert language(question) == expected


def test_case_does_not_matter() -> None:
    assert language("HOW DO I RESET IT") == language("how do i reset it")
