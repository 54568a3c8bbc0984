import { Select } from "@mantine/core";

interface Props {
  language: string | null;
  onChange: (language: string | null) => void;
  error: string | undefined;
}

const CODES = (
  "ar bg bn bs ca cs da de el en en-GB es et fa fi fr gu he hi hr hu id is it ja ka kk km ko lt lv mk ml mr ms nb nl pa pl " +
  "pt pt-BR ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi zh zh-TW"
).split(" ");
const NAMES = new Intl.DisplayNames(["en"], { type: "language" });
const LANGUAGES = CODES.map((value) => ({ value, label: NAMES.of(value) ?? value })).sort((a, b) =>
  a.label.localeCompare(b.label),
);

/** The language of the message: mail programs read it out in that, and dates have its words. */
export function LanguageField({ language, onChange, error }: Props) {
  const data =
    language && !CODES.includes(language) ? [...LANGUAGES, { value: language, label: language }] : LANGUAGES;
  return (
    <Select
      label="Language"
      description="Screen readers speak it, translators know it, and dates are written in its words."
      placeholder="Not said"
      data={data}
      value={language}
      onChange={onChange}
      clearable
      searchable
      maw={320}
      error={error}
    />
  );
}
