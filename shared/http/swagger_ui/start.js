"use strict";

window.ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  // Otherwise the description is sent to a validator on the internet.
  validatorUrl: null,
});
