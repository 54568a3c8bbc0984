// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { cleaned } from "./paste";

const WORD = `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta name=Generator content="Microsoft Word 15">
<style><!-- p.MsoNormal {margin:0cm; font-family:"Calibri",sans-serif} --></style><!--[if gte mso 9]><xml><o:x/></xml><![endif]--></head>
<body lang=EN-US><!--StartFragment-->
<h1 style='margin-top:12pt'><span style='color:#2F5496'>Our offer</span></h1>
<p class=MsoNormal><b>Dear</b> <span style='font-style:italic'>{{ name }}</span>,<o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><!--[if !supportLists]--><span
style='font-family:Symbol;mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span><!--[endif]-->First
point</p>
<p class=MsoListParagraphCxSpMiddle style='mso-list:l0 level2 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>1.<span>&nbsp;&nbsp;</span></span><![endif]>Under it</p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><!--[if !supportLists]--><span>·<span>&nbsp; </span></span><!--[endif]-->Second</p>
<p class=MsoNormal><img width=100 src="file:///C:/x.png">See <a href="https://x.example/a">this</a><a name="top">.</a></p>
<!--EndFragment--></body></html>`;

const DOCS = `<meta charset='utf-8'><b style="font-weight:normal;" id="docs-internal-guid-1"><p dir="ltr" style="line-height:1.38"><span
style="font-size:11pt;font-weight:400;font-style:normal;text-decoration:none">Dear </span><span
style="font-weight:700;text-decoration:none">you</span><span style="font-weight:400;font-style:italic;text-decoration:underline"> both</span></p><ul
style="margin-top:0"><li dir="ltr" style="list-style-type:disc"><p dir="ltr" role="presentation"><span style="font-weight:400">one</span></p></li></ul><p><a
href="https://www.google.com/url?q=https://x.example/?a%3D1&amp;sa=D"><span style="color:#1155cc;text-decoration:underline">More</span></a></p></b><br class="Apple-interchange-newline">`;

const GMAIL = `<div dir="ltr"><div class="gmail_default" style="font-family:verdana">Hello <b>there</b>,</div><div><br></div><div>see <i>below</i>.
</div><blockquote class="gmail_quote">said</blockquote><table><tbody><tr><td>A</td><td>B</td></tr><tr><td><p>C</p></td></tr></tbody></table><img src="cid:x"><div><font color="#888888">Ann</font></div></div>`;

describe("what is pasted", () => {
  it("from Word keeps headings, lists, links and what is bold or italic", () => {
    expect(cleaned(WORD)).toBe(
      "<h2>Our offer</h2><p><strong>Dear</strong> <em>{{ name }}</em>,</p>" +
        "<ul><li><p>First point</p><ol><li><p>Under it</p></li></ol></li><li><p>Second</p></li></ul>" +
        '<p>See <a href="https://x.example/a">this</a>.</p>',
    );
  });

  it("from Google Docs is as bold as it was, and leads where it led", () => {
    expect(cleaned(DOCS)).toBe(
      "<p>Dear <strong>you</strong><em><u> both</u></em></p><ul><li><p>one</p></li></ul>" +
        '<p><a href="https://x.example/?a=1">More</a></p><br>',
    );
  });

  it("from Gmail has its lines and its tables", () => {
    expect(cleaned(GMAIL)).toBe(
      "<p>Hello <strong>there</strong>,</p><p><br></p><p>see <em>below</em>. </p><blockquote>said</blockquote>" +
        '<table border="0"><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table><p>Ann</p>',
    );
  });

  it("keeps tables as Word, Google Docs and spreadsheets draw them", () => {
    const word = `<table class=MsoTableGrid border=1 cellspacing=0 style='border-collapse:collapse;border:none'>
      <thead><tr><th colspan=2 style='width:90pt'><p class=MsoNormal><b>Seats<o:p></o:p></b></p></th></tr></thead>
      <tr><td width=100><p class=MsoNormal>Team</p><p class=MsoNormal>{{ company }}</p></td><td></td></tr></table>`;
    expect(cleaned(word)).toBe(
      '<table border="1"><tr><th colspan="2"><strong>Seats</strong></th></tr>' +
        "<tr><td>Team<br>{{ company }}</td><td></td></tr></table>",
    );
    const docs = `<div dir="ltr"><table style="border:none"><colgroup><col width="10"/></colgroup><tbody><tr><td
      style="border-left:solid #000 1pt"><ul><li><p>one</p></li><li><p>two</p></li></ul></td><td><h2>Big</h2><hr><img
      src="https://x.example/y.png"></td></tr></tbody></table></div>`;
    expect(cleaned(docs)).toBe(
      '<table border="1"><tr><td>• one<br>• two</td><td><strong>Big</strong><br></td></tr></table>',
    );
  });

  it("leaves tables that only place things to what is in them", () => {
    const newsletter = `<table width="100%"><tr><td><table><tr><td><h1>News</h1></td></tr></table></td></tr>
      <tr><td>Hello</td></tr><tr><td><table><tr><td>A</td><td>1</td></tr></table></td></tr></table>`;
    expect(cleaned(newsletter)).toBe(
      '<h2>News</h2><p>Hello</p><table border="0"><tr><td>A</td><td>1</td></tr></table>',
    );
  });

  it("has nothing of what mail drops or cannot show", () => {
    const html =
      '<p onclick="x()" class="a" id="b" style="color:red">x<script>1</script></p><a href="javascript:x">y</a><img src="z"><form><input></form>';
    expect(cleaned(html)).toBe("<p>x</p>y");
  });

  it("stays as it is when it is read again", () => {
    for (const html of [WORD, DOCS, GMAIL]) expect(cleaned(cleaned(html))).toBe(cleaned(html));
  });
});
