var w,Qt,Rr,G,tt,Re,Yt,Ce,Zt,ot,nt,en,ye=Symbol.for("pv"),Le={},Fe=[],Lr=/^m(i|n|o|s|text|space)$/,it=Array.isArray,st=Fe.slice,te=Object.assign;function ee(e){e&&e.parentNode&&e.remove()}function tn(e,t,n){var r,o,i,s={},a=arguments.length;for(i in t)i=="key"?r=t[i]:i=="ref"&&typeof e!="function"?o=t[i]:s[i]=t[i];return a>2&&(s.children=a>3?st.call(arguments,2):n),ge(e,s,r,o,null)}function ge(e,t,n,r,o){var i={type:e,props:t,key:n,ref:r,__k:null,__:null,__b:0,__e:null,__c:null,constructor:ye,__v:o||++Qt,__i:-1,__u:0};return!o&&w.vnode&&w.vnode(i),i}function Ie(e){return e.children}function Me(e,t){this.props=e,this.context=t,this.__g=0}function K(e,t){if(t==null)return e.__&&K(e.__,e.__i+1);for(var n;t<e.__k.length;t++)if((n=e.__k[t])&&n.__e)return n.__e;return typeof e.type!="function"||e.props.__P?null:K(e)}function Fr(e){var t,n=e.__v,r=n.__e,o=[],i=[],s=e.__P;s&&((t=te({constructor:ye},n)).__v=n.__v+1,w.vnode&&w.vnode(t),at(s,t,n,e.__n,s.namespaceURI,32&n.__u?[r]:null,o,r||K(n),32&n.__u,i),t.__v=n.__v,t.__.__k[t.__i]=t,ln(o,t,i),n.__=n.__e=null,t.__e!=r&&nn(t))}function nn(e){if((e=e.__)&&e.__c&&!e.props.__P)return e.__e=null,e.__k.some(function(t){return t&&(e.__e=t.__e)}),nn(e)}function rt(e){(8&e.__g||(e.__g|=8,G.push(e),Re++))&&tt==w.debounceRendering||((tt=w.debounceRendering)||queueMicrotask)(rn)}function rn(){try{for(var e,t=1;G.length;)G.length>t&&G.sort(Yt),e=G.shift(),t=G.length,8&e.__g&&Fr(e)}finally{(Re=G.length)&&(tt||queueMicrotask)(rn)}}function on(e,t,n,r,o,i,s,a,c,m,u){var p,f,d,y,v,b,S=r.__k||Fe,$=t.length;for(c=Ir(n,t,S,c,$),p=0;p<$;p++)(d=n.__k[p])!=null&&(f=~d.__i&&S[d.__i]||Le,d.__i=p,b=at(e,d,f,o,i,s,a,c,m,u),y=d.__e,(f.ref!=d.ref||8&f.__u)&&(f.ref&&lt(f.ref,null,d,f),d.ref&&u.push(d.ref,d.__c||y,d)),v=v||y,4&d.__u?(c=sn(d,c,e,!f.__v),f.__e&&(f.__e=null)):typeof d.type=="function"&&b!==void 0?c=b:y&&(c=y.nextSibling),d.__u&=-21);return n.__e=v,c}function Ir(e,t,n,r,o){var i,s,a,c,m,u,p,f,d,y=n.length,v=y,b=0,S=0,$=e.__k=Array(o);for(i=0;i<o;i++)(s=t[i])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s!="object"||s.constructor===String?s=$[i]=ge(null,s):it(s)?s=$[i]=ge(Ie,{children:s}):s.constructor===ye&&s.__b?s=$[i]=ge(s.type,s.props,s.key,s.ref,s.__v):$[i]=s,c=i+b,s.__=e,s.__b=e.__b+1,a=null,~(m=s.__i=Or(s,n,c,v))&&(v--,(a=n[m])&&(a.__u|=2)),a&&a.__v?(s.__u|=16,m==c-1?b--:m==c+1?b++:m!=c&&(m>c?b--:b++,S=1)):(~m||(o>y?b--:o<y&&b++),typeof s.type!="function"&&(s.__u|=4))):$[i]=null;if(S){for(u=[],p=[],i=0;i<o;i++)if((s=$[i])&&16&s.__u){for(b=0,f=u.length;b<f;)u[d=b+f>>1]<s.__i?b=d+1:f=d;u[b]=s.__i,p[i]=b+1}for(b=u.length;i--;)p[i]&&(p[i]==b?b--:$[i].__u|=4)}if(v)for(i=0;i<y;i++)!(a=n[i])||2&a.__u||(a.__e==r&&(r=K(a)),ct(a,a));return r}function sn(e,t,n,r){var o,i,s,a;if(typeof e.type=="function"){if(e.props.__P)return t;if(o=e.__k)for(i=0;i<o.length;i++)o[i]&&(o[i].__=e,t=sn(o[i],t,n,!1));return t}for(t&&!t.parentNode&&(t=K(e))&&!t.parentNode&&(t=null),s=e.__e,a=t;a&&a.nodeType==8;)a=a.nextSibling;for(s!=a&&(!r&&n.moveBefore&&s.parentNode?n.moveBefore(s,t):n.insertBefore(s,t||null)),t=s;(t=t&&t.nextSibling)&&t.nodeType==8&&!t.data.startsWith("$s"););return t}function Or(e,t,n,r){var o,i=e.key,s=e.type,a=t[n],c=a&&!(2&a.__u);if(a===null&&i==null||c&&i==a.key&&s==a.type)return n;if(r>(c?1:0)){for(o=n-1;o>=0;o--)if((a=t[o])&&!(2&a.__u)&&i==a.key&&s==a.type)return o;for(o=n+1;o<t.length;o++)if((a=t[o])&&!(2&a.__u)&&i==a.key&&s==a.type)return o}return-1}function zt(e,t,n){n==null&&(n=""),t[0]=="-"?e.setProperty(t,n):e[t]=n}function Ee(e,t,n,r,o){var i,s;if(t=="style")if(typeof n=="string")e.style.cssText=n;else{if(typeof r=="string"&&(e.style.cssText=r=""),r)for(t in r)n&&t in n||zt(e.style,t);if(n)for(t in n)r&&n[t]==r[t]||zt(e.style,t,n[t])}else if(t[0]=="o"&&t[1]=="n")typeof n!="function"&&(n=null),typeof r!="function"&&(r=null),(e.__e||(e.__e={}))[t]=n,n&&r||(s=nt[t]||(nt[t]=Dr(t)),(e.__a||(e.__a={}))[t]=ot,i=t!=(t=t.replace(Zt,"$1")),(t=t.slice(2))[0]<"a"&&(t=t.toLowerCase()),n?e.addEventListener(t,s,i):e.removeEventListener(t,s,i));else{if(o=="http://www.w3.org/2000/svg")t=t.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(t!="width"&&t!="height"&&t!="href"&&t!="list"&&t!="form"&&t!="tabIndex"&&t!="download"&&t!="rowSpan"&&t!="colSpan"&&t!="role"&&t!="popover"&&t in e)try{return void(e[t]=n??"")}catch{}if(typeof n=="function")return;n==null||n===!1&&t[4]!="-"?e.removeAttribute(t):e.setAttribute(t,t=="popover"&&n==1?"":n)}}function Dr(e){return function(t){var n=this.__e;if(n){if(n=n[e],t[Ce]==null)t[Ce]=ot++;else if(t[Ce]<this.__a[e])return;return n(w.event?w.event(t):t)}}}function at(e,t,n,r,o,i,s,a,c,m){var u,p,f,d,y,v,b,S,$,L,P,et,Kt,Ae,Y,Xt,J,Z,q=t.type;if(t.constructor!==ye)return null;128&n.__u&&(c=32&n.__u,u=n.__c.__z)&&(t.__u|=c,p=i=[],u.nodeType==8?a=Ne(u,i):i.push(u),a=i[0]||a),(u=w.__b)&&u(t);e:if(typeof q=="function"){f=s.length;try{if(S=t.props,$=(u=q.prototype)&&u.render,L=(u=q.contextType)&&r[u.__c],P=u?L?L.props.value:u.__:r,(d=n.__c)?(t.__c=d,2&d.__g&&(d.__g|=1)):($?t.__c=d=new q(S,P):(t.__c=d=new Me(S,P),d.constructor=q,d.render=Br),L&&L.sub(d),d.state||(d.state={}),d.__n=r,d.__g|=8,d.__h=[],d.__k=[]),$&&(d.__s||(d.__s=d.state),q.getDerivedStateFromProps&&(d.__s==d.state&&(d.__s=te({},d.__s)),te(d.__s,q.getDerivedStateFromProps(S,d.__s)))),y=d.props,v=d.state,d.__v=t,n.__c){if(S!==y&&$&&!q.getDerivedStateFromProps&&d.componentWillReceiveProps&&d.componentWillReceiveProps(S,P),t.__v==n.__v&&!(8&d.__g)||!(4&d.__g)&&d.shouldComponentUpdate&&d.shouldComponentUpdate(S,d.__s,P)===!1){t.__v!=n.__v&&(d.props=S,d.state=d.__s,d.__g&=-9),t.__e=n.__e,t.__k=n.__k,t.__k.some(function(V){V&&(V.__=t)}),Fe.push.apply(d.__h,d.__k),d.__k=[],d.__h.length&&s.push(d),a=K(n);break e}d.componentWillUpdate&&d.componentWillUpdate(S,d.__s,P),$&&d.componentDidUpdate&&d.__h.push(function(){d.componentDidUpdate(y,v,b)})}else $&&!q.getDerivedStateFromProps&&d.componentWillMount&&d.componentWillMount(),$&&d.componentDidMount&&d.__h.push(d.componentDidMount);d.context=P,d.props=S,d.__P=e,d.__g&=-5,et=w.__r,Kt=$?25:0;do d.__g&=-9,et&&et(t),u=d.render(d.props,d.state=d.__s,d.context);while(8&d.__g&&++Kt<25);$&&(Fe.push.apply(d.__h,d.__k),d.__k=[]),d.state=d.__s,d.getChildContext&&(r=te({},r,d.getChildContext())),$&&n.__c&&d.getSnapshotBeforeUpdate&&(b=d.getSnapshotBeforeUpdate(y,v)),Ae=u&&u.type===Ie&&u.key==null?u.props.children:u,S.__P&&(u=a,o=(e=S.__P).namespaceURI,c=i=null,n.props&&n.props.__P!=e&&(n.__k.some(function(V){V&&ct(V,V)}),n.__k=null),a=n.__k?K(n,0):null),a=on(e,it(Ae)?Ae:[Ae],t,n,r,o,i,s,a,c,m),S.__P&&(t.__e=null,a=u),t.__u&=-161,p&&p.some(ee),d.__h.length&&s.push(d),1&d.__g&&(d.__g&=-4)}catch(V){if(s.length=f,t.__v=null,c||i)if(V&&V.then){if(t.__u|=128|c,i){for(~(J=i.indexOf(a||void 0))||(J=i.length);(Z=i[J-1])&&Z.nodeType==8;)J--;for(;J<i.length;J++)if(Z=i[J])if(i[J]=null,Y){if(Z==Xt)break}else{if(Z.nodeType!=8)break;Z.data.startsWith("$s")&&(Xt=Ne(Y=Z))}}if(!Y){for(;a&&a.nodeType==8&&a.nextSibling;)a=a.nextSibling;Y=a}(u=Ne(Y=t.__c.__z||(t.__c.__z=Y)))?(t.__e=Y,a=u):t.__e=a,a=a&&a.nextSibling}else i&&i.some(ee);else t.__e=n.__e;t.__k||(t.__k=n.__k||[]),V&&V.then||an(t),w.__e(V,t,n)}}else a=t.__e=Vr(n.__e,t,n,r,o,i,s,c,m,e);return(u=w.diffed)&&u(t),a}function Ne(e,t){if(e&&e.nodeType==8&&e.data.startsWith("$s"))for(var n=1;e=e.nextSibling;){if(e.nodeType==8){if(e.data.startsWith("$s"))n++;else if(e.data.startsWith("/$s")&&!--n)return e}t&&t.push(e)}}function an(e){e&&(e.__c&&(e.__c.__g|=4),e.__k&&e.__k.some(an))}function ln(e,t,n){for(var r=0;r<n.length;)lt(n[r++],n[r++],n[r++]);w.__c&&w.__c(t,e),e.some(function(o){try{e=o.__h,o.__h=[],e.some(function(i){i.call(o)})}catch(i){w.__e(i,o.__v)}})}function Vr(e,t,n,r,o,i,s,a,c,m){var u,p,f,d,y,v,b,S,$=n.props||Le,L=t.props,P=t.type;if(P=="svg"?o="http://www.w3.org/2000/svg":P=="math"?o="http://www.w3.org/1998/Math/MathML":o||(o="http://www.w3.org/1999/xhtml"),i){for(u=0;u<i.length;u++)if((y=i[u])&&(P?y.localName==P:y.nodeType==3)){e=y,i[u]=null;break}}if(!e){if(S=m.ownerDocument||document,!P)return S.createTextNode(L);e=S.createElementNS(o,P,L.is?L:m),a&&(w.__m&&w.__m(t,i),a=!1),i=null}if(P){if(m=P=="template"&&e.content||e,i=P=="textarea"&&L.defaultValue!=null?null:i&&st.call(m.childNodes),!a&&i)for($={},u=0;u<e.attributes.length;u++)$[(y=e.attributes[u]).name]=y.value;for(u in $)y=$[u],u=="dangerouslySetInnerHTML"?f=y:u=="children"||u in L||u=="value"&&"defaultValue"in L||u=="checked"&&"defaultChecked"in L||Ee(e,u,null,y,o);for(u in L)y=L[u],u=="children"?d=y:u=="dangerouslySetInnerHTML"?p=y:u=="value"?v=y:u=="checked"?b=y:a&&typeof y!="function"||$[u]===y||Ee(e,u,y,$[u],o);p?(a||f&&(p.__html==f.__html||p.__html==e.innerHTML)||(e.innerHTML=p.__html),t.__k=[]):(f&&(e.textContent=""),(P=="foreignObject"||o=="http://www.w3.org/1998/Math/MathML"&&Lr.test(P))&&(o="http://www.w3.org/1999/xhtml"),on(m,it(d)?d:[d],t,n,r,o,i,s,i?i[0]:n.__k&&K(n,0),a,c),i&&i.some(ee)),a&&P!="textarea"||(u="value",P=="progress"&&v==null?e.removeAttribute(u):v==null||v===e[u]&&(P!="progress"||v)||Ee(e,u,v,$[u],o),u="checked",b!=null&&b!=e[u]&&Ee(e,u,b,$[u],o))}else $===L||a&&e.data==L||(e.data=L);return e}function lt(e,t,n,r){try{typeof e=="function"?t?t.__x=e(t)||1:r&&(r=r.__c||r.__e)&&(t=r.__x)&&(r.__x=null,typeof t=="function"?t():e(null)):e.current=t}catch(o){w.__e(o,n)}}function ct(e,t,n){var r,o,i,s;if(w.unmount&&w.unmount(e),!(r=e.ref)||r.current&&r.current!=e.__e||lt(r,null,t,e),r=e.__c){if(r.componentWillUnmount)try{r.componentWillUnmount()}catch(a){w.__e(a,t)}r.__P=r.__n=null}if(r=e.__k)for(s=0;s<r.length;s++)r[s]&&ct(r[s],t,typeof e.type!="function"||n&&!e.props.__P);!n&&(r=e.__c)&&(r=r.__z)&&(o=Ne(r,i=[]))&&(r==e.__e&&i.some(ee),ee(o),ee(r)),n||ee(e.__e),e.__e=e.__c=e.__=null}function Br(e,t,n){return this.constructor(e,n)}function cn(e,t){var n,r,o,i;w.__&&w.__(e,t),t.nodeType==9&&(t=t.documentElement),r=(n=e&&32&e.__u)?null:t.__k,t.__k=ge(Ie,{children:[e]}),o=[],i=[],at(t,t.__k,r||Le,Le,t.namespaceURI,r?null:t.firstChild?st.call(t.childNodes):null,o,r?r.__e:t.firstChild,n,i),ln(o,t.__k,i),t.__k.props.children=null}function un(e){function t(n){var r,o;return this.getChildContext||(r=new Set,(o={})[t.__c]=this,this.getChildContext=function(){return o},this.shouldComponentUpdate=function(i){this.props.value!=i.value&&r.forEach(function(s){s.__g|=4,rt(s)})},this.sub=function(i){r.add(i);var s=i.componentWillUnmount;i.componentWillUnmount=function(){r.delete(i),s&&s.call(i)}}),n.children}return t.__c="__cC"+en++,t.__=e,t.Provider=(t.Consumer=function(n,r){return n.children(r)}).contextType=t,t}w={__e:function(e,t,n,r){for(var o,i,s;t=t.__;)if((o=t.__c)&&!(1&o.__g)){o.__g|=4;try{if((s=(i=o.constructor)&&i.getDerivedStateFromError)&&o.setState(i.getDerivedStateFromError(e)),o.componentDidCatch&&(o.componentDidCatch(e,r||{}),s=1),s&&8&o.__g)return void(o.__g|=2)}catch(a){e=a}}throw Re=0,e}},Qt=0,Rr=function(e){return e!=null&&e.constructor===ye},Me.prototype.setState=function(e,t){var n=this.__s;n&&n!=this.state||(n=this.__s=te({},this.state)),typeof e=="function"&&(e=e(te({},n),this.props)),e&&(te(n,e),this.__v&&(t&&this.__k.push(t),rt(this)))},Me.prototype.forceUpdate=function(e){this.__v&&(this.__g|=4,e&&this.__h.push(e),rt(this))},Me.prototype.render=Ie,G=[],Re=0,Yt=function(e,t){return e.__v.__b-t.__v.__b},Ce=Symbol(),Zt=/(PointerCapture)$|Capture$/i,ot=0,nt={},en=0;var mn=function(e,t,n,r){var o;t[0]=0;for(var i=1;i<t.length;i++){var s=t[i++],a=t[i]?(t[0]|=s?1:2,n[t[i++]]):t[++i];s===3?r[0]=a:s===4?r[1]=Object.assign(r[1]||{},a):s===5?(r[1]=r[1]||{})[t[++i]]=a:s===6?r[1][t[++i]]+=a+"":s?(o=e.apply(a,mn(e,a,n,["",null])),r.push(o),a[0]?t[0]|=2:(t[i-2]=0,t[i]=o)):r.push(a)}return r},dn=new Map;function pn(e){var t=dn.get(this);return t||(t=new Map,dn.set(this,t)),(t=mn(this,t.get(e)||(t.set(e,t=(function(n){for(var r,o,i=1,s="",a="",c=[0],m=function(f){i===1&&(f||(s=s.replace(/^\s*\n\s*|\s*\n\s*$/g,"")))?c.push(0,f,s):i===3&&(f||s)?(c.push(3,f,s),i=2):i===2&&s==="..."&&f?c.push(4,f,0):i===2&&s&&!f?c.push(5,0,!0,s):i>=5&&((s||!f&&i===5)&&(c.push(i,0,s,o),i=6),f&&(c.push(i,f,0,o),i=6)),s=""},u=0;u<n.length;u++){u&&(i===1&&m(),m(u));for(var p=0;p<n[u].length;p++)r=n[u][p],i===1?r==="<"?(m(),c=[c],i=3):s+=r:i===4?s==="--"&&r===">"?(i=1,s=""):s=r+s[0]:a?r===a?a="":s+=r:r==='"'||r==="'"?a=r:r===">"?(m(),i=1):i&&(r==="="?(i=5,o=s,s=""):r==="/"&&(i<5||n[u][p+1]===">")?(m(),i===3&&(c=c[0]),i=c,(c=c[0]).push(2,0,i),i=0):r===" "||r==="	"||r===`
`||r==="\r"?(m(),i=2):s+=r),i===3&&s==="!--"&&(i=4,c=c[0])}return m(),c})(e)),t),arguments,[])).length>1?t:t[0]}var l=pn.bind(tn);var ne,T,ut,fn,dt=Object.is,Oe=0,xn=[],mt=[],E=w,hn=E.__b,gn=E.__r,yn=E.diffed,bn=E.__c,_n=E.unmount,$n=E.__;function _e(e,t){E.__h&&E.__h(T,e,Oe||t),Oe=0;var n=T.__H||(T.__H={__:[],__h:[]});return e>=n.__.length&&n.__.push({}),n.__[e]}function g(e){return Oe=1,jr(kn,e)}function jr(e,t,n){var r=_e(ne++,2);if(r.t=e,!r.__c&&(r.__=[n?n(t):kn(void 0,t),function(i){var s=(r.__N||r.__)[0],a=r.t(s,i);dt(s,a)||(r.__N=[a,r.__[1]],r.__c.setState({}))}],r.__c=T,!T.__f)){T.__f=!0;var o=T.shouldComponentUpdate;T.shouldComponentUpdate=function(i,s,a){var c=this.__H;if(!c)return!0;var m=!1,u=this.props!=i;if(c.__.some(function(f){f.__N&&(m=!0,dt(f.__[0],f.__N[0])||(u=!0))}),o){var p=o.call(this,i,s,a);return m?p||u:p}return!m||u}}return r.__}function h(e,t){var n=_e(ne++,3);!E.__s&&ft(n.__H,t)&&(n.__P=!0,n.__=e,n.u=t,T.__H.__h.push(n))}function De(e,t){var n=_e(ne++,4);!E.__s&&ft(n.__H,t)&&(n.__P=!1,n.__=e,n.u=t,T.__h.push(n))}function M(e){return Oe=5,Hr(function(){return{current:e}},[])}function Hr(e,t){var n=_e(ne++,7);return ft(n.__H,t)&&(n.__=e(),n.__H=t),n.__}function Sn(e){var t=T.context[e.__c],n=_e(ne++,9);return n.c=e,t?(n.__==null&&(n.__=!0,t.sub(T)),t.props.value):e.__}function qr(){var e;do{for(;e=mt.shift();)try{be(e)}catch(n){E.__e(n,{__:(e=e.__P)&&e.__v})}for(;e=xn.shift();){var t=e.__H;if(e.__P&&t)try{t.__h.some(be),t.__h.some(pt),t.__h=[]}catch(n){t.__h=[],E.__e(n,e.__v)}}}while(mt.length)}E.__b=function(e){T=null,hn&&hn(e)},E.__=function(e,t){e&&t.__k&&t.__k.__m&&(e.__m=t.__k.__m),$n&&$n(e,t)},E.__r=function(e){gn&&gn(e),ne=0;var t=(T=e.__c).__H;t&&(ut==T?T.__h=[]:(t.__h.some(be),t.__h.some(pt),ne=0),t.__h=[],t.__.some(function(n){n.__N&&(n.__=n.__N),n.u=n.__N=void 0})),ut=T},E.diffed=function(e){yn&&yn(e);var t=e.__c;t&&t.__H&&(t.__H.__h.length&&wn(xn.push(t)),t.__H.__.some(function(n){n.u&&(n.__H=n.u)})),ut=T=null},E.__c=function(e,t){t.some(function(n){try{n.__h.some(be),n.__h=n.__h.filter(function(r){return!r.__||pt(r)})}catch(r){n.__h=[function(){throw r}]}}),bn&&bn(e,t)},E.unmount=function(e){_n&&_n(e);var t,n,r=e.__c;r&&r.__H&&(r.__H.__.some(function(o){try{if(o.__P&&o.__c){if(n===void 0){for(n=e.__;n&&(!n.__c||!n.__c.__P);)n=n.__;n=n&&n.__c}o.__P=n,wn(mt.push(o))}else be(o)}catch(i){t=i}}),r.__H=void 0,t&&E.__e(t,r.__v))};var vn=typeof requestAnimationFrame=="function";function Ur(e){var t,n=function(){clearTimeout(r),vn&&cancelAnimationFrame(t),setTimeout(e)},r=setTimeout(n,35);vn&&(t=requestAnimationFrame(n))}function wn(e){e!=1&&fn==E.requestAnimationFrame||((fn=E.requestAnimationFrame)||Ur)(qr)}function be(e){var t=T,n=e.__c;typeof n=="function"&&(e.__c=void 0,n()),T=t}function pt(e){var t=T;e.__c=e.__(),T=t}function ft(e,t){return!e||e.length!=t.length||t.some(function(n,r){return!dt(n,e[r])})}function kn(e,t){return typeof t=="function"?t(e):t}var N=class extends Error{constructor(n,r,o=null,i=null,s=[]){super(r);this.code=n;this.detail=r;this.retryAfterS=o;this.requestId=i;this.parameters=s}code;detail;retryAfterS;requestId;parameters};function $e(e,t){let n=new URL(t.path,e.base);for(let[r,o]of t.query??[])n.searchParams.append(r,o);return n}function ht(e,t){let n=e.key();return{...n===null?{}:{"X-API-Key":n},...t.contentType===void 0?{}:{"Content-Type":t.contentType}}}async function ve(e,t){let n=t.onUpload?await Jr(e,t):await Wr(e,t);if(n.status>=400)throw Kr(n);return n}async function F(e,t){return Ve((await ve(e,{...t,method:"GET"})).body)}function Ve(e){let t=Tn(e);if(typeof t!="object"||t===null)throw new N("no_gateway","the answer is not a JSON document");return t}function Tn(e){try{return JSON.parse(e)}catch{return null}}async function An(e,t,n){let r=$e(e,{path:t});try{return await fetch(r,{headers:ht(e,{}),...n?{signal:n}:{}})}catch(o){throw gt(o,n)}}async function Wr(e,t){let{signal:n}=t;try{let r=await fetch($e(e,t),{method:t.method,headers:ht(e,t),...t.body===void 0?{}:{body:t.body},...n?{signal:n}:{}});return{status:r.status,header:o=>r.headers.get(o),body:await r.text()}}catch(r){throw gt(r,n)}}function Jr(e,t){let{promise:n,resolve:r,reject:o}=Gr();if(t.signal?.aborted)return Promise.reject(Pn());let i=new XMLHttpRequest,s=()=>i.abort();i.open(t.method,$e(e,t));for(let[a,c]of Object.entries(ht(e,t)))i.setRequestHeader(a,c);return i.upload.onprogress=a=>t.onUpload?.(a.lengthComputable?a.loaded/a.total:0),i.upload.onload=()=>t.onUpload?.(1),i.onload=()=>r({status:i.status,header:a=>i.getResponseHeader(a),body:i.responseText}),i.onerror=()=>o(gt(new TypeError("network error"),t.signal)),i.onabort=()=>o(Pn()),t.signal?.addEventListener("abort",s),i.send(t.body??null),n.finally(()=>t.signal?.removeEventListener("abort",s))}function Pn(){return new DOMException("aborted","AbortError")}function Gr(){let e,t;return{promise:new Promise((r,o)=>{e=r,t=o}),resolve:e,reject:t}}function gt(e,t){return t?.aborted||!(e instanceof TypeError)?e:new N("offline",e.message)}function Kr(e){let t=zr(e.body);return new N(t?.code??"no_gateway",t?.detail??`HTTP status ${e.status}`,Xr(e.header("Retry-After")),t?.request_id??e.header("X-Request-Id"),t?.errors?.map(n=>n.parameter)??[])}function Xr(e){if(!e)return null;let t=/^\s*\d+(\.\d+)?\s*$/.test(e)?Number(e):(Date.parse(e)-Date.now())/1e3;return Number.isFinite(t)?Math.max(0,t):null}function zr(e){let t=Tn(e);return typeof t?.code=="string"?t:null}function se(e){return e instanceof DOMException&&e.name==="AbortError"}var En="cover-search.key",x={base:new URL("../",document.baseURI),key:we},yt=null;function we(){try{return yt??sessionStorage.getItem(En)}catch{return yt}}function bt(e){yt=e;try{sessionStorage.setItem(En,e)}catch{}}function _t(e){return e.replace(/[^\x21-\x7e]/g,"")}function $t(){let[,e]=/^#key=(.+)$/.exec(location.hash)??[];return e===void 0?!1:(history.replaceState(history.state,"",location.pathname+location.search),bt(_t(e)),!0)}var Qr="cover-search",vt="pictures";var xe=class extends Error{},wt=new Map,Cn=new Map;async function ae(e,t){let n=await e.arrayBuffer().catch(()=>null),r=new Blob(n===null?[]:[n],{type:e.type}),o={id:Yr(),blob:r,name:t,addedAt:Date.now()};return r.size&&(wt.set(o.id,o),await Be("readwrite",i=>i.put(o)).catch(()=>{}),await Zr().catch(()=>{})),o}async function X(e){let t=wt.get(e)??await Be("readonly",n=>n.get(e)).catch(()=>{});if(t===void 0)throw new xe("the picture is not kept in this browser");return wt.set(e,t),t}function Mn(e){let t=Cn.get(e.id)??URL.createObjectURL(e.blob);return Cn.set(e.id,t),t}function Yr(){return Array.from(crypto.getRandomValues(new Uint8Array(12)),e=>e.toString(16).padStart(2,"0")).join("")}async function Zr(){let e=await Be("readonly",r=>r.getAll()),t=({addedAt:r})=>r>Date.now()?1/0:Date.now()-r,n=e.sort((r,o)=>t(r)<t(o)?-1:1).slice(50);for(let r of n)await Be("readwrite",o=>o.delete(r.id))}async function Be(e,t){let n=await eo();try{return await Nn(t(n.transaction(vt,e).objectStore(vt)))}finally{n.close()}}function eo(){let e=indexedDB.open(Qr,1);return e.onupgradeneeded=()=>e.result.createObjectStore(vt,{keyPath:"id"}),Nn(e)}function Nn(e){return new Promise((t,n)=>{e.onsuccess=()=>t(e.result),e.onerror=()=>n(e.error??new Error("IndexedDB failed"))})}var xt={offline:{title:"No connection to the service",advice:"Check the network. The search continues by itself when the connection is back.",remedy:"retry"},no_gateway:{title:"The service is not reachable",advice:"Something between this page and the service answered instead of it. Try again in a moment.",remedy:"retry"},picture_missing:{title:"This browser no longer has the picture",advice:"It was chosen in another browser or long ago, or its file is empty or cannot be read. Choose the picture again.",remedy:"remove-picture"},picture_unreadable:{title:"The browser cannot make the picture smaller",advice:"Save the picture as a smaller JPEG or PNG with another program, and choose it again.",remedy:"remove-picture"},years_reversed:{title:"The first year is after the last",advice:"No album can be from these years. Change the first or the last year.",remedy:"shorten"},nothing_wanted:{title:"Nothing is left to search for",advice:"The parts of this search ask only for less, or cancel each other out. Change a part to “more”, or add words or a picture.",remedy:"shorten"},image_too_large:{title:"The picture is too large to upload",advice:"A smaller copy is just as good for a search. The original stays as it is.",remedy:"shrink"},image_too_many_pixels:{title:"The picture has too many pixels",advice:"A smaller copy is just as good for a search. The original stays as it is.",remedy:"shrink"},image_too_costly:{title:"The picture takes too long to decode",advice:"A plain copy of the picture decodes faster and is just as good for a search.",remedy:"shrink"},body_too_large:{title:"The pictures are too large together",advice:"Smaller copies are just as good for a search.",remedy:"shrink"},unsupported_image:{title:"This kind of file cannot be searched",advice:"Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",remedy:"remove-picture"},unsupported_media_type:{title:"This kind of file cannot be searched",advice:"Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",remedy:"remove-picture"},undecodable_image:{title:"The picture is damaged",advice:"The file begins like a picture, but its pixels cannot be read. Choose another copy of it.",remedy:"remove-picture"},image_expired:{title:"The upload was not used in time",advice:"The service was busy for long. Send the picture again.",remedy:"retry"},decoder_busy:{title:"The service is busy with other pictures",advice:"Try again in a moment.",remedy:"wait"},decoder_died:{title:"The picture could not be decoded",advice:"Decoding it failed several times. A plain copy may work.",remedy:"shrink"},request_timeout:{title:"The upload took too long",advice:"The connection is slow. A smaller copy of the picture uploads faster.",remedy:"shrink"},rate_limited:{title:"Too many searches in a short time",advice:"The limit protects everyone who uses this service.",remedy:"wait"},queue_full:{title:"The service is very busy",advice:"More searches are waiting than it can answer in time.",remedy:"wait"},queue_unavailable:{title:"The service cannot accept searches now",advice:"Its queue does not answer. This is usually over within a minute.",remedy:"wait"},no_worker:{title:"No worker is running",advice:"The service needs at least one worker that reads pictures and words. Whoever operates it can start one.",remedy:"retry"},deadline_exceeded:{title:"The search took too long",advice:"The service gave up before the search ended. Try again; if it happens often, the service needs more workers.",remedy:"retry"},attempts_exhausted:{title:"The search failed several times",advice:"Each attempt ended with an error. Try another picture or other words.",remedy:"retry"},model_unavailable:{title:"The model cannot be loaded",advice:"The worker has no model to read pictures and words. Whoever operates the service finds the reason in /health.",remedy:"retry"},model_mismatch:{title:"The catalog belongs to another model",advice:"The albums were read by another model than the one that runs. Whoever operates the service must re-embed the catalog.",remedy:"retry"},catalog_unavailable:{title:"The catalog does not answer",advice:"The albums cannot be read at the moment. This is usually over within a minute.",remedy:"wait"},catalog_misconfigured:{title:"The catalog is not set up correctly",advice:"Whoever operates the service finds the cause and the remedy in /health.",remedy:"retry"},unauthorized:{title:"This service needs a key",advice:"Paste the API key that you were given. It is kept until this tab is closed, and is sent to this service only.",remedy:"key"},forbidden:{title:"This key is not allowed to do that",advice:"The key has another role. Use a key with more rights, such as an admin key.",remedy:"key"},album_not_found:{title:"This album is not in the catalog",advice:"It may have been removed since the address was made. Search for another album.",remedy:null},job_not_found:{title:"The search is no longer known",advice:"Its answer was not fetched in time. Search again.",remedy:"retry"},job_canceled:{title:"The search was canceled",advice:"Nothing was found, because the search was stopped before its end.",remedy:"retry"},invalid_parameter:{title:"The search cannot be understood",advice:"A word is too long or a filter has a value that is not allowed.",remedy:"shorten"},malformed_body:{title:"The search arrived damaged",advice:"Something between this page and the service changed the request. Try again.",remedy:"retry"},headers_too_large:{title:"The search is too long",advice:"Use fewer words or fewer filters.",remedy:"shorten"},internal:{title:"Something went wrong in the service",advice:"The log of the service describes the error under the request id below.",remedy:"retry"}};function le(e){let t=je(e);return(Object.hasOwn(xt,t)?xt[t]:void 0)??{...xt.internal,advice:"Try again in a moment."}}function je(e){if(e instanceof N){let[t]=e.code==="invalid_parameter"?e.parameters:[];return t==="parts"?"nothing_wanted":t==="year_min"?"years_reversed":e.code}return e instanceof xe?"picture_missing":"internal"}function j({error:e,onRetry:t,onShrink:n,onRemovePicture:r}){let{title:o,advice:i,remedy:s}=le(e),a=e instanceof N?e:null;return h(()=>{if(je(e)==="offline")return addEventListener("online",t),()=>removeEventListener("online",t)},[e]),l`<section class="problem" role="alert" data-code=${je(e)}>
<h2>${o}</h2>
<p>${i}</p>
${s==="key"&&l`<${no} onKept=${t} />`}
${s==="wait"&&l`<${to} key=${e} seconds=${a?.retryAfterS??5} onRetry=${t} />`}
<div class="actions">
${s==="shrink"&&n&&l`<button type="button" class="button button-main" onClick=${n}>Shrink the picture and search</button>`}
${(s==="shrink"||s==="remove-picture")&&r&&l`<button type="button" class="button" onClick=${r}>Remove the picture</button>`}
${s==="retry"&&l`<button type="button" class="button button-main" onClick=${t}>Try again</button>`}
</div>
${a&&l`<details class="problem-detail">
<summary>Details</summary>
<p><code>${a.code}</code>: <span dir="auto">${a.detail}</span></p>
${a.requestId&&l`<p>Request id: <code>${a.requestId}</code></p>`}
</details>`}
</section>`}function to({seconds:e,onRetry:t}){let[n]=g(()=>performance.now()+1e3*Math.max(1,e)),r=()=>Math.ceil((n-performance.now())/1e3),[o,i]=g(r);return h(()=>{let s=setInterval(()=>i(r()),1e3);return()=>clearInterval(s)},[]),h(()=>{o<=0&&t()},[o<=0]),l`<p class="countdown">
Trying again in <span class="countdown-number">${Math.max(0,o)}</span> s.
<button type="button" class="button" onClick=${t}>Try now</button>
</p>`}function no({onKept:e}){let[t,n]=g(we()??"");return l`<form class="key-form" onSubmit=${o=>{o.preventDefault(),bt(t),e()}}>
<label for="api-key">API key</label>
<div class="key-row">
<input
id="api-key"
type="password"
autocomplete="off"
spellcheck=${!1}
required
value=${t}
onInput=${o=>{let i=o.target;i.value=_t(i.value),n(i.value)}}
/>
<button class="button button-main">Use this key</button>
</div>
</form>`}var O={genres:[],artists:[],yearMin:null,yearMax:null,minScore:null,bestNewMusic:!1,color:null},A={view:"search",parts:[],filters:O,minSimilarity:null,album:null,code:!1,ignored:[]},B=8,qe=10,St=500,ro={text:"text",image:"picture",album:"like"};function re(e){let t=new URLSearchParams(e),n=[],r=(s,a,c)=>{let m=t.get(s)?.trim();if(!m)return null;let u=c(m);return u===null&&n.push({given:`${s}=${m}`,allowed:a}),u},o=(s,a,c)=>r(s,`a number from ${a} to ${c}`,m=>Rn(m,a,c)),i=s=>r(s,"a whole number from 1000 to 9999",a=>/^[1-9]\d{3}$/.test(a)?Number(a):null);return{view:r("view","catalog or service",s=>s==="catalog"||s==="service"?s:null)??"search",parts:oo(t,r("weights",`numbers from -${qe} to ${qe}, but not 0`,io)??[]),filters:{genres:t.getAll("genre").filter(Boolean),artists:t.getAll("artist").filter(Boolean),yearMin:i("year_min"),yearMax:i("year_max"),minScore:o("min_score",0,10),bestNewMusic:r("best_new_music","true or false",so)??!1,color:r("color","a colour such as #1d5fd6",s=>/^#[0-9a-f]{6}$/i.test(s)?s.toLowerCase():null)},minSimilarity:o("min_similarity",-1,1),album:t.get("album")||null,code:t.has("code"),ignored:n}}function U(e){let t=new URLSearchParams;e.view!=="search"&&t.set("view",e.view);for(let o of e.parts)t.append(ro[o.kind],o.kind==="text"?o.text:o.id);e.parts.some(o=>o.weight!==1)&&t.set("weights",e.parts.map(o=>o.weight).join(" "));let{filters:n}=e;for(let o of n.genres)t.append("genre",o);for(let o of n.artists)t.append("artist",o);He(t,"year_min",n.yearMin),He(t,"year_max",n.yearMax),He(t,"min_score",n.minScore),n.bestNewMusic&&t.set("best_new_music","true"),n.color!==null&&t.set("color",n.color),He(t,"min_similarity",e.minSimilarity),e.album!==null&&t.set("album",e.album),e.code&&t.set("code","");let r=t.toString().replace(/code=(?=&|$)/,"code");return r&&`?${r}`}function oo(e,t){let n=[];for(let[r,o]of e)o.trim()&&(r==="text"?n.push({kind:"text",text:o.slice(0,St),weight:1}):r==="picture"?n.push({kind:"image",id:o,weight:1}):r==="like"&&n.push({kind:"album",id:o,weight:1}));return n.slice(0,B).map((r,o)=>({...r,weight:t[o]??1}))}function io(e){let t=e.split(/\s+/).map(n=>Rn(n,-qe,qe));return t.every(n=>!!n)?t:null}function so(e){return e==="true"||(e==="false"?!1:null)}function Rn(e,t,n){let r=Number(e);return r>=t&&r<=n?r:null}function He(e,t,n){n!==null&&e.set(t,String(n))}function z(e){let{filters:t}=e;return t.genres.length+t.artists.length+ +(t.yearMin!==null||t.yearMax!==null)+ +(t.minScore!==null)+Number(t.bestNewMusic)+ +(t.color!==null)+ +(e.minSimilarity!==null)}async function*Ln(e,t){let n=e.pipeThrough(new TextDecoderStream).getReader(),r="";try{for(;;){let{done:o,value:i}=await n.read();if(o)return;t(),r=(r+i).replace(/\r\n|\r(?!$)/g,`
`);let s=r.split(`

`);r=s.pop()??"";for(let a of s){let c=ao(a);c!==null&&(yield c)}}}finally{await n.cancel().catch(()=>{})}}function ao(e){let t="message",n=[];for(let r of e.split(`
`)){let[,o,i]=/^(event|data): ?(.*)$/.exec(r)??[];o==="event"?t=i??"":o==="data"&&n.push(i??"")}return n.length===0?null:{name:t,data:n.join(`
`)}}var lo=.3,co=20,uo=1e3,mo=4e4;async function ce(e,t,n){let r=await kt(t,n.picture),o=await ve(e,{...r,query:[...r.query??[],["wait",String(lo)]],signal:n.signal,onUpload:po(t)?n.onUpload:void 0});if(o.status!==202)return Fn(Ve(o.body),o);let i=await bo(e,At(o.body),n);if(i.result===null)throw yo(i);return Fn(i.result,o)}function In(e,t){return ve(e,{method:"POST",path:`api/jobs/${encodeURIComponent(t)}/cancel`})}function po(e){return e.parts.some(t=>t.kind==="image")}async function kt(e,t){let[n]=e.parts,r=fo(e);if(!(e.parts.length===1&&n?.weight===1&&!(n.kind==="album"&&On(n.id))))return{method:"POST",path:"api/search",body:await ho(e,t),contentType:"application/json"};switch(n.kind){case"text":return{method:"GET",path:"api/search-by-text",query:[["query",n.text],...r]};case"album":return{method:"GET",path:`api/albums/${encodeURIComponent(n.id)}/similar`,query:r};case"image":{let i=await t(n.id),s=i.type.startsWith("image/")?i.type:"application/octet-stream";return{method:"POST",path:"api/search-by-image",query:r,body:i,contentType:s}}}}function On(e){return e==="."||e===".."}async function Dn(e,t){if(On(t))throw new N("album_not_found",`no album has the id ${t}`);let n=[["include","metadata"],["include","reviewer"]];return F(e,{path:`api/albums/${encodeURIComponent(t)}`,query:n})}function Pt(e){let t=[...e.genres.map(n=>["genre",n]),...e.artists.map(n=>["artist",n])];return e.yearMin!==null&&t.push(["year_min",String(e.yearMin)]),e.yearMax!==null&&t.push(["year_max",String(e.yearMax)]),e.minScore!==null&&t.push(["min_score",String(e.minScore)]),e.bestNewMusic&&t.push(["best_new_music","true"]),e.color!==null&&t.push(["color",e.color]),t}function fo(e){return[["k",String(e.k)],...e.offset?[["offset",String(e.offset)]]:[],...e.minSimilarity===null?[]:[["min_similarity",String(e.minSimilarity)]],...e.explain?[["explain","true"]]:[],...Pt(e.filters)]}function Tt(e){let{filters:t}=e;return{k:e.k,...e.offset?{offset:e.offset}:{},...e.minSimilarity===null?{}:{min_similarity:e.minSimilarity},...e.explain?{explain:!0}:{},...t.genres.length?{genre:t.genres}:{},...t.artists.length?{artist:t.artists}:{},...t.yearMin===null?{}:{year_min:t.yearMin},...t.yearMax===null?{}:{year_max:t.yearMax},...t.minScore===null?{}:{min_score:t.minScore},...t.bestNewMusic?{best_new_music:!0}:{},...t.color===null?{}:{color:t.color}}}async function ho(e,t){let n=await Promise.all(e.parts.map(async r=>{let o=r.weight===1?{}:{weight:r.weight};return r.kind==="text"?{text:r.text,...o}:r.kind==="album"?{album_id:r.id,...o}:{image:await go(await t(r.id)),...o}}));return JSON.stringify({parts:n,...Tt(e)})}async function go(e){let t=new Uint8Array(await e.arrayBuffer()),n="";for(let r=0;r<t.length;r+=32768)n+=String.fromCharCode(...t.subarray(r,r+32768));return btoa(n)}function Fn(e,t){if(!Array.isArray(e.results))throw new N("no_gateway","the answer is not a result");return{result:e,cache:t.header("X-Cache")}}function yo(e){return e.status==="canceled"?new N("job_canceled","the job was canceled"):new N(e.error?.code??"internal",e.error?.detail??"the job has no result")}async function bo(e,t,n){n.onJob?.(t);let r=`api/jobs/${encodeURIComponent(t.id)}`,o=await _o(e,`${r}/events`,n);if(o!==null)return o;for(;;){let i=[["wait",String(co)]],s=At((await ve(e,{method:"GET",path:r,query:i,signal:n.signal})).body);if(n.onJob?.(s),Vn(s))return s;await new Promise(a=>setTimeout(a,uo))}}async function _o(e,t,n){let r=new AbortController,o=()=>r.abort(),i=0,s=()=>{clearTimeout(i),i=setTimeout(o,mo)};n.signal?.addEventListener("abort",o),s();try{let a=await An(e,t,r.signal);if(!a.ok||!a.body)return null;for await(let c of Ln(a.body,s)){if(c.name==="problem")return null;let m=At(c.data);if(n.onJob?.(m),Vn(m))return m}}catch(a){if(n.signal?.aborted)throw a}finally{clearTimeout(i),n.signal?.removeEventListener("abort",o)}return null}function At(e){let t=Ve(e);if(typeof t.status!="string")throw new N("no_gateway","the answer is not a job");return t}function Vn(e){return e.status!=="queued"&&e.status!=="running"}var Ue=25,Bn=950,Hn=1e3,Se="album cover",jn={shown:null,matches:[],first:null,next:0,end:null,loading:null,job:null,upload:null,error:null};function ue(e,t,n=!1){return{parts:e.parts.length?e.parts:[{kind:"text",text:Se,weight:1}],filters:e.filters,minSimilarity:e.minSimilarity,k:t<Bn?Ue:Hn-Bn,offset:t,explain:n}}function de(e){return e.view!=="search"||!e.parts.length&&!z(e)?null:U({...e,album:null,code:!1})}function qn(e){let t=de(e),[n,r]=g(jn),[o,i]=g(0),s=M(null),a=c=>{Et(s.current);let m={abort:new AbortController,job:null};s.current=m;let u=p=>{s.current===m&&r(p)};u(p=>({...p,loading:c?"more":"first",error:null,job:null,upload:null})),$o(m,{key:t,offset:c,asked:ue(e,c)},u)};return h(()=>{if(t===null){r(jn);return}return a(0),()=>{Et(s.current),s.current=null}},[t,o]),{...n,loadMore:()=>{n.loading===null&&n.end===null&&n.error===null&&n.shown===t&&a(n.next)},retry:()=>n.matches.length&&n.shown===t?a(n.next):i(c=>c+1),cancel:()=>{Et(s.current),s.current=null,r(c=>({...c,loading:null,job:null,upload:null,error:xo()}))}}}function $o(e,t,n){ce(x,t.asked,{signal:e.abort.signal,picture:async r=>(await X(r)).blob,onUpload:r=>n(o=>({...o,upload:r})),onJob:r=>{e.job=r.id,n(o=>({...o,job:r,upload:null}))}}).then(r=>{e.job=null,n(o=>vo(o,r,t))},r=>{se(r)||n(o=>({...o,loading:null,job:null,upload:null,error:r}))})}function vo(e,t,{key:n,offset:r,asked:o}){let{results:i,exhausted:s}=t.result,a=r?wo([...e.matches,...i]):i;return{...e,shown:n,matches:a,first:r?e.first:t,next:r+o.k,end:s??i.length<o.k?"exhausted":r+o.k>=Hn?"limit":null,loading:null,job:null,upload:null,error:null}}function wo(e){return[...new Map(e.map(t=>[t.id,t])).values()]}function Et(e){e!==null&&(e.abort.abort(),e.job!==null&&In(x,e.job).catch(()=>{}))}function xo(){return new N("job_canceled","the search was canceled")}function oe(e,t,n){let r={kind:"album",id:t,weight:n},o=e.parts.filter(a=>a.kind==="text"||a.id!==t),i=o.length?o:[{kind:"text",text:Se,weight:1}];return{view:"search",parts:n>0?[r]:[...i.slice(0,B-1),r],album:null,code:!1}}var So={search:"M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14Zm5 12 4.5 4.5",picture:"M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9h.01",camera:"M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4Z",close:"M6 6l12 12M18 6 6 18",plus:"M12 5v14M5 12h14",minus:"M5 12h14",why:"M9.2 9.2a2.9 2.9 0 1 1 4 2.7c-.8.4-1.2 1-1.2 1.9v.4M12 17.5h.01",filters:"M4 7h10M18 7h2M4 17h2M10 17h10M14 4.5v5M10 14.5v5",code:"M8.5 7 4 12l4.5 5M15.5 7 20 12l-4.5 5",copy:"M9 9h10v11H9zM6 15H5V4h10v2",check:"M5 12.5l4.5 4.5L19 7.5",clock:"M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16Zm0 4v4.5l3 2"};function k({name:e}){return l`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${So[e]} /></svg>`}function We({label:e,className:t,onClose:n,children:r}){let o=M(null);h(()=>{let s=document.activeElement;return o.current?.showModal(),()=>{s instanceof HTMLElement&&s.isConnected&&s.focus({preventScroll:!0})}},[]);let i=s=>{s.target===o.current&&n()};return l`<dialog
ref=${o}
class=${`dialog ${t}`}
aria-label=${e}
onCancel=${s=>{s.preventDefault(),n()}}
onClick=${i}
>
<div class="dialog-body">
<button type="button" class="dialog-close" aria-label="Close" onClick=${n}><${k} name="close" /></button>
${r}
</div>
</dialog>`}var Ct=un({address:A,go:()=>{},close:()=>{}});function _(){return Sn(Ct)}function C(e){return`./${U(e)}`}function R(e){return t=>{t.metaKey||t.ctrlKey||t.shiftKey||t.altKey||t.button!==0||(t.preventDefault(),e())}}function Jn(){let[e,t]=g(()=>re(location.search)),n=M(!1);h(()=>{let i=()=>{n.current=!1,t(re(location.search))};return addEventListener("popstate",i),()=>removeEventListener("popstate",i)},[]);let r=(i,s)=>{let a=re(location.search),c={...a,...i};if(!(U(c)===location.search&&!s?.replace)){if(s?.replace)history.replaceState(history.state,"",C(c));else{let{depth:m,opener:u}=Un(),p={depth:m+1,opener:Po(a)?u:m};history.pushState(p,"",C(c))}t(re(location.search)),U(Wn(c))!==U(Wn(a))&&ko()}};return{address:e,go:r,close:i=>{let{depth:s,opener:a}=Un();n.current||(n.current=a!==null,a===null?r(i,{replace:!0}):history.go(a-s))}}}function Un(){return history.state??{depth:0,opener:null}}function Wn(e){return{...e,album:null,code:!1}}function ko(){let e=document.querySelector("main h1");e!==null&&e.getBoundingClientRect().bottom<0&&e.scrollIntoView()}function Po(e){return e.album!==null||e.code}var Mt=new Map;function D(e,t){let n=e===null?null:`${we()??""} ${e}`,[r,o]=g({value:null,error:null}),[i,s]=g(0);return h(()=>{if(n===null)return;let a=!0;return To(n,t).then(c=>a&&o({value:c,error:null}),c=>a&&o(m=>({...m,error:c}))),()=>{a=!1}},[n,i]),{...r,reload:()=>s(a=>a+1)}}function To(e,t){let n=Mt.get(e);if(n)return n;let r=t();return Mt.set(e,r),r.catch(()=>Mt.delete(e)),r}var Gn=512;function Nt(e){if(!e)return null;try{let{protocol:t}=new URL(e,document.baseURI);return t==="https:"||t==="http:"?e:null}catch{return null}}function H({album:e,sizes:t,large:n=!1,isNamed:r=!1}){let[o,i]=g(!1),s=e.thumbnail_urls,a=Nt(s?.["256"]),c=Nt(s?.["512"]),m=Nt(e.cover_url),u=(n?m:null)??c??m;return h(()=>i(!1),[u]),u===null||o?l`<${Ao} album=${e} isNamed=${r} />`:l`<img
class="cover"
src=${u}
srcset=${!n&&a&&c?`${a} 256w, ${c} 512w`:void 0}
sizes=${!n&&a&&c?t:void 0}
width=${Gn}
height=${Gn}
alt=${r?"":`Cover of ${e.album_name} by ${e.artist}`}
loading=${n?"eager":"lazy"}
decoding="async"
referrerpolicy="no-referrer"
onError=${()=>i(!0)}
/>`}function Ao({album:e,isNamed:t}){let n=Eo(`${e.artist} ${e.album_name}`),r=n%360;return l`<svg
class="cover stand-in"
viewBox="0 0 100 100"
role="img"
aria-hidden=${t}
aria-label=${`No cover of ${e.album_name} by ${e.artist}`}
>
<rect class="stand-in-paper" width="100" height="100" />
<g transform=${`rotate(${r} 50 50)`}>
<circle class="stand-in-record" cx="50" cy="50" r="34" />
${[30,26,22,18].map(o=>l`<circle class="stand-in-groove" cx="50" cy="50" r=${o} />`)}
<path class="stand-in-shine" d="M50 50 L80 34 A34 34 0 0 1 84 48 Z M50 50 L20 66 A34 34 0 0 1 16 52 Z" />
<circle cx="50" cy="50" r="11" fill=${`hsl(${(n>>9)%360} 38% 58%)`} />
<circle class="stand-in-paper" cx="50" cy="50" r="1.8" />
</g>
</svg>`}function Eo(e){let t=2166136261;for(let n of e)t=Math.imul(t^(n.codePointAt(0)??0),16777619)>>>0;return t}function Kn(e){return[e.release_year===null?"":String(e.release_year),e.genres.join(", "),e.pitchfork_score===null?"":Rt(e.pitchfork_score)].filter(Boolean)}function Rt(e){return e.toFixed(1)}function W(e){return`${e.album_name}, ${e.artist}`}function I(e,t,n=`${t}s`){return`${e.toLocaleString("en")} ${e===1?t:n}`}function Je(e){return D(e&&`album ${e}`,()=>Dn(x,e??""))}var Co=12;function Xn({id:e}){let{close:t}=_(),{value:n,error:r,reload:o}=Je(e),i=n?.id===e;return l`<${We}
label=${i&&n?W(n):"Album"}
className="album-dialog"
onClose=${()=>t({album:null})}
>
${r!==null&&l`<${j} error=${r} onRetry=${o} />`}
${i&&n&&l`<${Mo} album=${n} />`}
${r===null&&!i&&l`<p role="status">Loading …</p>`}
<//>`}function Mo({album:e}){let{address:t,go:n}=_(),r=i=>n(oe(t,e.id,i)),o={...A,filters:{...O,artists:[e.artist]}};return l`<article class="album">
<div class="album-cover"><${H} album=${e} sizes="30rem" large isNamed /></div>
<div class="album-text">
<h2><bdi>${e.album_name}</bdi></h2>
<p class="album-artist">
<a href=${C(o)} onClick=${R(()=>n(o))}><bdi>${e.artist}</bdi></a>
</p>
${e.best_new_music&&l`<p><span class="mark">Best new music</span></p>`}
<dl class="album-facts">
${No(e).map(([i,s])=>l`<div key=${i}>
<dt>${i}</dt>
<dd dir="auto">${s}</dd>
</div>`)}
</dl>
<div class="actions">
<button type="button" class="button button-main" onClick=${()=>r(1)}>More like this</button>
<button type="button" class="button" onClick=${()=>r(-.5)}>Less like this</button>
</div>
</div>
<${Lo} id=${e.id} />
</article>`}function No(e){return[["Year",e.release_year?.toString()],[e.genres.length===1?"Genre":"Genres",e.genres.join(", ")],["Score",e.pitchfork_score===null?null:Rt(e.pitchfork_score)],["Reviewer",e.reviewer],...Object.entries(e.metadata??{}).map(([n,r])=>[Ro(n),Lt(r)])].filter(n=>!!n[1])}function Lt(e){return Array.isArray(e)?e.map(Lt).join(", "):typeof e!="object"||e===null?String(e??""):Object.entries(e).map(([t,n])=>`${t.replaceAll("_"," ")}: ${Lt(n)}`).join(", ")}function Ro(e){let t=e.replaceAll("_"," ");return t.charAt(0).toUpperCase()+t.slice(1)}function Lo({id:e}){let{address:t,go:n}=_(),{value:r,error:o}=D(`similar ${e}`,async()=>{let s=`api/albums/${encodeURIComponent(e)}/similar`,a=await F(x,{path:s,query:[["k",String(Co)]]});return{id:e,results:a.results}});if(o!==null)return l`<p class="album-similar">Similar albums cannot be shown at the moment.</p>`;let i=r?.id===e?r.results:[];return l`<section class="album-similar" aria-label="Similar albums">
<h3 class="small-heading">Similar covers</h3>
<ul>
${i.map(s=>l`<li key=${s.id}>
<a
href=${C({...t,album:s.id})}
title=${W(s)}
onClick=${R(()=>n({album:s.id}))}
>
<${H} album=${s} sizes="7rem" />
</a>
</li>`)}
</ul>
</section>`}function zn(e,t){return t?.colors.find(n=>n.hex===e)?.color??e}var Ft="red orange yellow lime green teal blue purple magenta pink brown beige black grey white".split(" ");function me(e){let t=e.colors.filter(r=>r.color!==null&&r.hex!==null),n=({color:r})=>Ft.includes(r)?Ft.indexOf(r):Ft.length;return t.sort((r,o)=>n(r)-n(o))}function ke(e){return D(`facets ${JSON.stringify(e)}`,()=>It(e))}function Qn(e,t){if(e===null||t===null)return t;let n=(r,o,i)=>{let s=new Map(o.map(a=>[a[i],a.count]));return r.map(a=>({...a,count:s.get(a[i])??0}))};return{total_albums:t.total_albums,genres:n(e.genres,t.genres,"genre"),decades:n(e.decades,t.decades,"decade"),scores:n(e.scores,t.scores,"score"),best_new_music:n(e.best_new_music,t.best_new_music,"best_new_music"),colors:n(e.colors,t.colors,"color")}}var Fo={total_albums:0,genres:[],decades:[],scores:[],best_new_music:[],colors:[]};function It(e,t){return(e.yearMin??0)>(e.yearMax??1/0)?Promise.resolve(Fo):F(x,{path:"api/facets",query:Pt(e),signal:t})}function Te({title:e,of:t,note:n,bars:r,kind:o}){return l`<section class=${`chart chart-${o}`} aria-label=${e}>
<h2>${e}</h2>
${n&&l`<p class="note">${n}</p>`}
${o==="rows"?l`<${Oo} bars=${r} title=${e} />`:l`<${Vo} bars=${r} title=${e} />`}
<details class="chart-table">
<summary>As a table</summary>
<table>
<thead>
<tr><th scope="col">${t}</th><th scope="col">Albums</th></tr>
</thead>
<tbody>
${r.map(i=>l`<tr key=${i.label}><th scope="row">${i.label}</th><td>${Ge(i.count)}</td></tr>`)}
</tbody>
</table>
</details>
</section>`}var ie=30,Ot=150,Io=64,Pe=560;function Oo({bars:e,title:t}){let n=Math.max(1,...e.map(o=>o.count)),r=Pe-Ot-Io;return l`<svg viewBox=${`0 0 ${Pe} ${e.length*ie}`} role="group" aria-label=${`${t}, as a chart`}>
${e.map((o,i)=>{let s=Math.max(2,r*o.count/n),a=i*ie+ie/2;return l`<${Yn} key=${o.label} bar=${o}>
<rect class="bar-room" x="0" y=${i*ie} width=${Pe} height=${ie} />
<text class="bar-label" x="0" y=${a}>${Bo(o.label)}</text>${" "}
<rect class="bar" x=${Ot} y=${i*ie+7} width=${s} height=${ie-14} rx="2" fill=${o.color} />
<text class="bar-count" x=${Ot+s+8} y=${a}>${Ge(o.count)}</text>
<//>`})}
</svg>`}var pe=220,Do=22,Dt=26;function Vo({bars:e,title:t}){let n=Math.max(1,...e.map(i=>i.count)),r=Pe/Math.max(1,e.length),o=pe-Do-Dt;return l`<svg viewBox=${`0 0 ${Pe} ${pe}`} role="group" aria-label=${`${t}, as a chart`}>
${e.map((i,s)=>{let a=Math.max(2,o*i.count/n),c=s*r+r/2;return l`<${Yn} key=${i.label} bar=${i}>
<rect class="bar-room" x=${s*r} y="0" width=${r} height=${pe} />
<rect
class="bar"
x=${s*r+r*.14}
y=${pe-Dt-a}
width=${r*.72}
height=${a}
rx="2"
fill=${i.color}
/>
<text class="bar-label is-middle" x=${c} y=${pe-10}>${i.label}</text>${" "}
<text class="bar-count is-middle" x=${c} y=${pe-Dt-a-11}>${Ge(i.count)}</text>
<//>`})}
</svg>`}function Yn({bar:e,children:t}){let{go:n}=_();return l`<a
class="bar-link"
href=${C(e.address)}
aria-label=${`${e.label} ${Ge(e.count)} albums`}
onClick=${R(()=>n(e.address))}
>${t}</a
>`}function Bo(e){return e.length>20?`${e.slice(0,19)}…`:e}function Ge(e){return e.toLocaleString("en")}var jo=15;function Zn(){let e=ke(O),t=D("stats",()=>F(x,{path:"api/stats"})).value;if(e.error!==null)return l`<${j} error=${e.error} onRetry=${e.reload} />`;let n=e.value;return l`<div class="catalog">
<header class="view-header">
<h1 tabindex="-1">The catalog</h1>
<p class="lead">${n===null?"Counting …":Ho(n,t)}</p>
</header>
${n&&l`<div class="charts">
<${Te} kind="rows" title="Genres" of="Genre" note="An album counts in each of its genres." bars=${qo(n)} />
<${Te} kind="rows" title="Main colours" of="Colour" note="A search by colour also finds covers with a fifth of it." bars=${Uo(n)} />
<${Te} kind="columns" title="Decades" of="Decade" bars=${Wo(n)} />
<${Te} kind="columns" title="Scores" of="Score" note="Albums with this score or a higher one." bars=${Jo(n)} />
</div>`}
</div>`}function Ho(e,t){let n=t?.year_range,r=t?.pitchfork_scores.average;return[I(e.total_albums,"album"),n?.min&&n.max?`from ${n.min} to ${n.max}`:"",r?`with an average score of ${r.toFixed(1)}`:""].filter(Boolean).join(" ")}function Ke(e){return{...A,filters:{...O,...e}}}function qo(e){return e.genres.flatMap(({genre:t,count:n})=>t===null?[]:[{label:t,count:n,address:Ke({genres:[t]})}]).slice(0,jo)}function Uo(e){return me(e).map(({color:t,hex:n,count:r})=>({label:t,count:r,color:n,address:Ke({color:n})}))}function Wo(e){return e.decades.flatMap(({decade:t,count:n})=>t===null?[]:[{decade:t,label:`${t}s`,count:n,address:Ke({yearMin:t,yearMax:t+9})}]).sort((t,n)=>t.decade-n.decade)}function Jo(e){let t=e.scores.flatMap(({score:r,count:o})=>r===null?[]:[{score:r,count:o}]),n=Math.min(...t.map(({score:r})=>r));return Array.from({length:10},(r,o)=>({label:`${o}+`,count:t.filter(i=>i.score>=o).reduce((i,s)=>i+s.count,0),address:Ke({minScore:o})})).slice(n)}var er=["curl","Python","JavaScript"],Bt="COVER_SEARCH_KEY";async function tr(e,t,n){let r=await Go(t,n);switch(e){case"curl":return Ko(r);case"Python":return zo(r);case"JavaScript":return Qo(r)}}async function Go(e,t){let n=await kt(e,()=>Promise.resolve(new Blob)),r=n.query??[],o=0,i=e.parts.map(s=>{let a=s.weight===1?{}:{weight:s.weight};return s.kind==="text"?{text:s.text,...a}:s.kind==="album"?{album_id:s.id,...a}:(o+=1,{image:o===1?"cover.jpg":`cover-${o}.jpg`,...a})});return{url:$e(t,{path:n.path,query:r}).href.replaceAll("'","%27"),path:n.method==="GET"?"get":n.path==="api/search"?"composed":"image",body:{parts:i,...Tt(e)},files:i.flatMap(s=>"image"in s?[s.image]:[]),hasKey:t.key()!==null}}function Ko({url:e,path:t,body:n,hasKey:r}){let o=r?` \\
  -H "X-API-Key: $${Bt}"`:"";return t==="get"?`curl '${e}'${o}
`:t==="image"?`curl -F file=@cover.jpg '${e}'${o}
`:`curl '${e}'${o} \\
  -H 'Content-Type: application/json' --data-binary @- <<END
${Xo(n)}
END
`}function Xo(e){return JSON.stringify(e,null,2).replace(/[\\$`]/g,"\\$&").replace(/("image": )"([\w.-]+)"/g,`$1"$(base64 < $2 | tr -d '\\n')"`)}function zo({url:e,path:t,body:n,files:r,hasKey:o}){let i=o?`headers = {"X-API-Key": os.environ["${Bt}"]}
`:"",s=o?", headers=headers":"",a=[...r.length&&t==="composed"?["import base64"]:[],...o?["import os"]:[]],c=`${a.join(`
`)}${a.length?`

`:""}import httpx

${i}`,m=`answer.raise_for_status()
for album in answer.json()["results"]:
    print(album["similarity"], album["artist"], "-", album["album_name"])
`;if(t==="get")return`${c}answer = httpx.get(${JSON.stringify(e)}${s}, timeout=60)
${m}`;if(t==="image"){let p=`answer = httpx.post(${JSON.stringify(e)}, files={"file": image}${s}, timeout=60)`;return`${c}with open("cover.jpg", "rb") as image:
    ${p}
${m}`}let u=r.length?`def read(name):
    with open(name, "rb") as image:
        return base64.b64encode(image.read()).decode()

`:"";return`${c}${u}query = ${Vt(n)}
answer = httpx.post(${JSON.stringify(e)}, json=query${s}, timeout=60)
${m}`}function Qo({url:e,path:t,body:n,files:r,hasKey:o}){let i=r.length?`import { openAsBlob } from "node:fs";

`:"",s=o?`"X-API-Key": process.env.${Bt}`:"",a=`if (!answer.ok) throw new Error(await answer.text());
for (const album of (await answer.json()).results) {
  console.log(album.similarity, album.artist, "-", album.album_name);
}
`,c=d=>`const answer = await fetch(${JSON.stringify(e)}${d.length?`, { ${d.join(", ")} }`:""});
`;if(t==="get")return c(o?[`headers: { ${s} }`]:[])+a;if(t==="image")return i+`const form = new FormData();
form.append("file", await openAsBlob("cover.jpg"), "cover.jpg");
`+c(['method: "POST"',"body: form",...o?[`headers: { ${s} }`]:[]])+a;let m=r.length?`const read = async (name) => Buffer.from(await (await openAsBlob(name)).arrayBuffer()).toString("base64");
`:"",u=JSON.stringify(n,null,2).replace(/("image": )("[\w.-]+")/g,"$1await read($2)"),f=['method: "POST"',"body: JSON.stringify(query)",`headers: { ${['"Content-Type": "application/json"',...o?[s]:[]].join(", ")} }`];return`${i}${m}const query = ${u};
${c(f)}${a}`}function Vt(e,t=""){let n=`${t}    `;return Array.isArray(e)?`[
${e.map(r=>`${n}${Vt(r,n)},
`).join("")}${t}]`:typeof e=="object"&&e!==null?`{
${Object.entries(e).map(([o,i])=>{let s=o==="image"?`read(${JSON.stringify(i)})`:Vt(i,n);return`${n}${JSON.stringify(o)}: ${s},
`}).join("")}${t}}`:typeof e=="boolean"?e?"True":"False":JSON.stringify(e)}var Yo=10;function nr(){let{address:e,close:t}=_(),[n,r]=g("curl"),[o,i]=g("");return h(()=>{let s=!0;return tr(n,{...ue(e,0),k:Yo},x).then(a=>{s&&i(a)}),()=>{s=!1}},[n]),l`<${We} label="This search as code" className="code-dialog" onClose=${()=>t({code:!1})}>
<h2>This search as code</h2>
<div class="tabs" role="group" aria-label="Language">
${er.map(s=>l`<button
key=${s}
type="button"
class="tab"
aria-pressed=${s===n}
onClick=${()=>r(s)}
>
${s}
</button>`)}
</div>
<div class="code-box">
<pre class="code" tabindex="0" aria-label=${`${n} code`}><code>${o}</code></pre>
<${Zo} text=${o} />
</div>
<p class="note">
All parameters are described in the <a href="../docs">HTTP interface</a>.
${n==="Python"&&l`<span> The program needs the package <code>httpx</code>.</span>`}
${n==="JavaScript"&&l`<span> The program runs with Node 20 or later, as a file that ends with <code>.mjs</code>.</span>`}
</p>
<//>`}function Zo({text:e}){let[t,n]=g(!1);return h(()=>n(!1),[e]),l`<button type="button" class="button copy" onClick=${async()=>{await ei(e)&&n(!0)}}>
<${k} name=${t?"check":"copy"} /><span aria-live="polite">${t?"Copied":"Copy"}</span>
</button>`}async function ei(e){if(navigator.clipboard)return navigator.clipboard.writeText(e).then(()=>!0,()=>!1);let t=document.querySelector(".code code");return t&&getSelection()?.selectAllChildren(t),document.execCommand("copy")}function Xe(e){let t=M(e);t.current=e,h(()=>{let n=new AbortController,r=(o,i)=>document.addEventListener(o,i,{signal:n.signal});return r("dragover",o=>{rr(o.dataTransfer)&&(o.preventDefault(),document.body.classList.add("is-dropping"))}),r("dragleave",o=>{o.relatedTarget===null&&document.body.classList.remove("is-dropping")}),r("drop",o=>{document.body.classList.remove("is-dropping"),rr(o.dataTransfer)&&(o.preventDefault(),t.current([...o.dataTransfer?.files??[]]))}),r("paste",o=>{let i=[...o.clipboardData?.files??[]];i.length!==0&&(o.preventDefault(),t.current(i))}),()=>n.abort()},[])}function rr(e){return e?.types.includes("Files")??!1}async function or(e){let t=await createImageBitmap(e,{imageOrientation:"from-image"}),n=Math.min(1,1200/Math.max(t.width,t.height)),r=document.createElement("canvas");r.width=Math.max(1,Math.round(t.width*n)),r.height=Math.max(1,Math.round(t.height*n));let o=r.getContext("2d");if(o===null)throw new Error("this browser has no canvas");return o.fillStyle="#fff",o.fillRect(0,0,r.width,r.height),o.drawImage(t,0,0,r.width,r.height),t.close(),new Promise((i,s)=>{r.toBlob(a=>a?i(a):s(new Error("the copy failed")),"image/jpeg",.9)})}function ze(e,t){let{filters:n,minSimilarity:r}=e,o=[],i=(s,a)=>{o.push({label:s,without:{filters:{...n,...a},minSimilarity:r}})};for(let s of n.genres)i(s,{genres:n.genres.filter(a=>a!==s)});for(let s of n.artists)i(`by ${s}`,{artists:n.artists.filter(a=>a!==s)});return(n.yearMin!==null||n.yearMax!==null)&&i(ti(n.yearMin,n.yearMax),{yearMin:null,yearMax:null}),n.minScore!==null&&i(`score ${n.minScore} or more`,{minScore:null}),n.bestNewMusic&&i("best new music",{bestNewMusic:!1}),n.color!==null&&i(`${zn(n.color,t)} on the cover`,{color:null}),r!==null&&o.push({label:`similarity ${r} or more`,without:{filters:n,minSimilarity:null}}),o}var fe={filters:O,minSimilarity:null};function ti(e,t){return e===null?`until ${t??""}`:t===null?`since ${e}`:e===t?String(e):`${e} to ${t}`}function ir({facets:e}){let{address:t,go:n}=_(),r=ze(t,e),o=ri(r),i=r.map((s,a)=>({...s,count:o?.[a]??0})).filter(({count:s})=>s>0).sort((s,a)=>a.count-s.count);return l`<section class="empty">
<h2>No album meets all of this</h2>
${r.length===0&&l`<p>The catalog has no album with an embedded cover.</p>`}
${o!==null&&r.length>0&&i.length===0&&l`<${ni} onRemove=${()=>n(fe)} />`}
${i.length>0&&l`<p>Albums are found without one of these filters:</p>
<ul class="empty-filters">
${i.map(({label:s,without:a,count:c})=>l`<li key=${s}>
<button type="button" class="button" onClick=${()=>n(a)}>
Without <strong dir="auto">${s}</strong><span class="count">${I(c,"album")}</span>
</button>
</li>`)}
</ul>`}
</section>`}function ni({onRemove:e}){return l`<div class="several-filters">
<p>Albums are found only without several of these filters.</p>
<button type="button" class="button" onClick=${e}>Remove all filters</button>
</div>`}function ri(e){let[t,n]=g(null),r=JSON.stringify(e.map(o=>o.without.filters));return h(()=>{n(null);let o=new AbortController;return Promise.all(e.map(async({without:i})=>(await It(i.filters,o.signal)).total_albums)).then(n,()=>{}),()=>o.abort()},[r]),t}function ar({shown:e,matches:t,end:n},r,o){if(e===null)return null;let i=re(e);if(sr(i)!==sr(r))return null;let s=t.filter(({similarity:c})=>c>=o).length,a=i.minSimilarity===null||i.minSimilarity<=o;return{count:s,isAll:a&&(n==="exhausted"||s<t.length)}}function sr(e){return U({...e,minSimilarity:null,album:null,code:!1})}var lr=8,oi=300;function ur({facets:e,search:t,onRecount:n}){let{address:r,go:o}=_(),[i,s]=g(!1),{filters:a}=r,c=z(r),m=u=>o({filters:{...a,...u}});return l`<section class="filters" aria-label="Filters">
<button
type="button"
class="button filters-toggle"
aria-expanded=${i}
aria-controls="filter-panel"
onClick=${()=>s(!i)}
>
<${k} name="filters" />Filters${c?` (${c})`:""}
</button>
<div id="filter-panel" class=${`filter-panel ${i?"is-open":""}`}>
${n&&l`<p class="note filter-problem" role="alert">
The albums of each filter could not be counted.
<button type="button" class="link" onClick=${n}>Count again</button>
</p>`}
${e&&l`<div class="filter-groups">
<${ii} filters=${a} facets=${e} change=${m} />
<${si} filters=${a} facets=${e} change=${m} />
<${ai} filters=${a} facets=${e} change=${m} />
<${ci} filters=${a} facets=${e} change=${m} />
<${ui} search=${t} onChange=${u=>o({minSimilarity:u})} />
</div>`}
${c>0&&l`<button type="button" class="button button-quiet" onClick=${()=>o(fe)}>Remove all filters</button>`}
</div>
</section>`}function ii({filters:e,facets:t,change:n}){let[r,o]=g(!1),i=t.genres.filter(u=>u.genre!==null),s=e.genres.filter(u=>!i.some(p=>p.genre===u)),a=[...i,...s.map(u=>({genre:u,count:0}))],c=a.filter((u,p)=>r||p<lr||e.genres.includes(u.genre));if(!a.length)return null;let m=u=>{let p=e.genres.includes(u);n({genres:p?e.genres.filter(f=>f!==u):[...e.genres,u]})};return l`<fieldset class="filter">
<legend>Genre</legend>
${c.map(({genre:u,count:p})=>l`<label class="choice" key=${u}>
<input type="checkbox" checked=${e.genres.includes(u)} onChange=${()=>m(u)} />
<span dir="auto">${u}</span><span class="count">${p.toLocaleString("en")}</span>
</label>`)}
${a.length>lr&&l`<button type="button" class="link" aria-expanded=${r} onClick=${()=>o(!r)}>
${r?"Show fewer":`Show all ${a.length}`}
</button>`}
</fieldset>`}function si({filters:e,facets:t,change:n}){let r=t.decades.filter(a=>a.decade!==null).sort((a,c)=>a.decade-c.decade),o=Math.max(1,...r.map(a=>a.count)),i=a=>(e.yearMin!==null||e.yearMax!==null)&&(e.yearMin??0)<=a+9&&(e.yearMax??9999)>=a,s=a=>{let c=e.yearMin===a&&e.yearMax===a+9;n(c?{yearMin:null,yearMax:null}:{yearMin:a,yearMax:a+9})};return l`<fieldset class="filter">
<legend>Year</legend>
<div class="decades">
${r.map(({decade:a,count:c})=>l`<button
key=${a}
type="button"
class="decade"
aria-pressed=${i(a)}
title=${`${a} to ${a+9}: ${I(c,"album")}`}
aria-label=${`’${String(a).slice(2)}: ${a} to ${a+9}, ${I(c,"album")}`}
onClick=${()=>s(a)}
>
<span class="decade-bar" style=${{height:`${Math.max(4,100*c/o)}%`}}></span>
<span class="decade-name">${`’${String(a).slice(2)}`}</span>
</button>`)}
</div>
<div class="range">
<${cr} label="From" value=${e.yearMin} onChange=${a=>n({yearMin:a})} />
<${cr} label="To" value=${e.yearMax} onChange=${a=>n({yearMax:a})} />
</div>
</fieldset>`}function cr({label:e,value:t,onChange:n}){let[r,o]=Qe(t===null?"":String(t),i=>{i===""?n(null):/^[1-9]\d{3}$/.test(i)&&n(Number(i))});return l`<label class="year"
><span>${e}</span>
<input
type="text"
inputmode="numeric"
maxlength="4"
placeholder="any"
value=${r}
onInput=${i=>o(i.target.value.trim())}
/>
</label>`}function ai({filters:e,facets:t,change:n}){let[r,o]=Qe(e.minScore??0,a=>n({minScore:a===0?null:a})),i=t.best_new_music.find(a=>a.best_new_music)?.count??0,s=Number.isInteger(r)?li(t,r):null;return l`<fieldset class="filter">
<legend>Score</legend>
<label class="slider"
><span class="slider-label"
><span>${r===0?"Any score":`${r} or more`}</span>
${r>0&&s!==null&&l`<span class="count">${s.toLocaleString("en")}</span>`}</span
>
<input
type="range"
min="0"
max="9"
step="1"
aria-label="Minimum score"
value=${r}
onInput=${a=>o(Number(a.target.value))}
/>
</label>
<label class="choice">
<input
type="checkbox"
checked=${e.bestNewMusic}
onChange=${()=>n({bestNewMusic:!e.bestNewMusic})}
/>
<span>Best new music</span><span class="count">${i.toLocaleString("en")}</span>
</label>
</fieldset>`}function li(e,t){return e.scores.reduce((n,r)=>r.score!==null&&r.score>=t?n+r.count:n,0)}function ci({filters:e,facets:t,change:n}){let r=me(t),o=r.find(c=>c.hex===e.color),i=e.color!==null&&o===void 0,[s,a]=Qe(e.color??"#808080",c=>n({color:c}));return l`<fieldset class="filter">
<legend>Colour</legend>
<div class="colors">
${r.map(({color:c,hex:m,count:u})=>l`<button
key=${m}
type="button"
class="color"
aria-pressed=${e.color===m}
aria-label=${`${c}, main colour of ${I(u,"cover")}`}
title=${`${c}: main colour of ${I(u,"cover")}`}
onClick=${()=>n({color:e.color===m?null:m})}
>
<span class="swatch" style=${{backgroundColor:m}}></span>
<span class="count">${u.toLocaleString("en")}</span>
</button>`)}
<label class=${`swatch own-color ${i?"is-chosen":""}`} title="Another colour">
<span class="hidden">Another colour</span>
<input
type="color"
value=${s}
onInput=${c=>a(c.target.value)}
/>
</label>
</div>
<p class="note">
${o?`${o.color}: main colour of ${I(o.count,"cover")}`:"Numbers of covers by main colour"}
</p>
</fieldset>`}function ui({search:e,onChange:t}){let{address:n}=_(),[r,o]=Qe(n.minSimilarity??0,s=>t(s===0?null:s)),i=r===0?null:ar(e,n,r);return l`<fieldset class="filter">
<legend>Similarity</legend>
<label class="slider"
><span class="slider-label"
><span>${r===0?"Any similarity":`${r.toFixed(2)} or more`}</span>
${i&&l`<span class="count">${i.isAll?"":"at least "}${i.count.toLocaleString("en")}</span>`}</span
>
<input
type="range"
min="0"
max="1"
step="0.01"
aria-label="Minimum similarity"
value=${r}
onInput=${s=>o(Number(s.target.value))}
/>
</label>
</fieldset>`}function Qe(e,t){let[n,r]=g(e),o=M(0),i=M(t);return i.current=t,h(()=>r(e),[e]),h(()=>()=>clearTimeout(o.current),[]),[n,a=>{r(a),clearTimeout(o.current),o.current=setTimeout(()=>i.current(a),oi)}]}var di=3,mi=200;function dr({text:e}){let{address:t,go:n}=_(),r=D(`names ${e}`,async()=>{let i=[["q",e.slice(0,mi)],["limit",String(di)]],{albums:s}=await F(x,{path:"api/albums",query:i});return{text:e,albums:s.filter(a=>a.match==="exact"||a.match==="prefix")}}),o=r.value?.text===e?r.value.albums:[];return o.length?l`<section class="named" aria-label="Albums with this name">
<h2 class="small-heading">By name</h2>
<ul>
${o.map(i=>l`<li key=${i.id}>
<a class="named-album" href=${C({...t,album:i.id})} onClick=${R(()=>n({album:i.id}))}>
<${H} album=${i} sizes="48px" isNamed />
<span><bdi class="named-title">${i.album_name}</bdi><bdi class="named-artist">${i.artist}</bdi></span>
</a>
</li>`)}
</ul>
</section>`:null}var jt=[.25,.5,.75,1,1.5,2,3];function mr({parts:e,onChange:t}){let n=(r,o)=>t(e.map((i,s)=>s===r?o:i));return l`<ul class="parts" aria-label="Parts of the search">
${e.map((r,o)=>l`<${pi}
key=${`${r.kind} ${r.kind==="text"?o:r.id}`}
part=${r}
onChange=${i=>n(o,i)}
onRemove=${()=>t(e.filter((i,s)=>s!==o))}
/>`)}
</ul>`}function pi({part:e,onChange:t,onRemove:n}){let{label:r,picture:o}=fi(e),i=e.weight>0,s=Math.abs(e.weight),a=jt.includes(s)?jt:[...jt,s].sort((m,u)=>m-u),c=m=>{t({...e,weight:Number(m.target.value)*(i?1:-1)})};return l`<li class=${`part ${i?"":"part-less"}`}>
<button
type="button"
class="part-sign"
aria-label=${`${i?"More":"Less"} of ${r}: change to ${i?"less":"more"}`}
onClick=${()=>t({...e,weight:-e.weight})}
>
<${k} name=${i?"plus":"minus"} /><span>${i?"more":"less"}</span>
</button>
${o}
<span class="part-label" dir="auto" title=${r}>${r}</span>
<select class="part-weight" aria-label=${`Weight of ${r}`} value=${String(s)} onChange=${c}>
${a.map(m=>l`<option value=${String(m)} selected=${m===s}>×${m}</option>`)}
</select>
<button type="button" class="part-remove" aria-label=${`Remove ${r}`} onClick=${n}>
<${k} name="close" />
</button>
</li>`}function fi(e){let t=Je(e.kind==="album"?e.id:null).value,n=hi(e.kind==="image"?e.id:null);if(e.kind==="text")return{label:e.text,picture:null};if(e.kind==="album"){let o=t&&l`<${H} album=${t} sizes="32px" isNamed />`;return{label:t?W(t):e.id,picture:o}}if(n==="missing")return{label:"picture that is not kept here",picture:null};let r=n&&l`<img class="cover" src=${Mn(n)} alt="" width="32" height="32" />`;return{label:n?.name??"picture",picture:r}}function hi(e){let[t,n]=g(null);return h(()=>{let r=!0;return n(null),e!==null&&X(e).then(o=>r&&n(o),()=>r&&n("missing")),()=>{r=!1}},[e]),t}var gi=350;function fr(){let{parts:e,own:t,open:n,draft:r,setDraft:o,submit:i,submitLater:s,endPhrase:a,show:c,go:m}=yi(),u=()=>{i(r),a(),c([])};return{parts:e,draft:r,hasChips:e.length>1||e.length===1&&n===null||e.some(p=>p.weight!==1),type:p=>{o(p),s(p)},finish:()=>{i(r),a(),e.length>1&&c([])},pin:u,endPhrase:a,change:p=>{a(),c(p),m(p)},addPictures:async p=>{i(r);let f=await Promise.all(p.slice(0,B).map(y=>ae(y,y.name||"picture")));a();let d=f.map(({id:y})=>({kind:"image",id:y,weight:1}));m([...t.current,...d].slice(0,B))}}}function yi(){let{address:e,go:t}=_(),{parts:n}=e,[r,o]=g(()=>pr(n)),[i,s]=g(()=>Ht(n,r)),a=M(n),c=M(!1),m=v=>{let b=pr(v);o(b),s(Ht(v,b))},u=(v,b)=>{a.current=v,t({view:"search",parts:v,album:null,code:!1},b)},p=()=>{c.current=!1},f=v=>{d.end();let b=_i(a.current,r,v);b!==null&&(o(b.open),u(b.parts,{replace:c.current}),c.current=!0)},d=bi(()=>f(i),e.album!==null||e.code);return h(()=>{a.current===n||$i(a.current,n)||(a.current=n,d.end(),p(),m(n))},[n]),{parts:n,own:a,open:r,draft:i,setDraft:s,submit:f,submitLater:v=>d.begin(()=>f(v)),endPhrase:p,show:m,go:u}}function bi(e,t){let n=M(0),r=()=>clearTimeout(n.current),o=i=>{r(),n.current=setTimeout(i,gi)};return De(()=>(t||o(e),r),[t]),{begin:o,end:r}}function _i(e,t,n){let r=n.trim().replace(/\s+/g," "),o=e.filter((a,c)=>c!==t);if(r===Ht(e,t)||r&&o.length>=B)return null;if(!r)return{parts:o,open:null};let i=t??o.length,s=(t===null?void 0:e[t])?.weight??1;return{parts:[...o.slice(0,i),{kind:"text",text:r,weight:s},...o.slice(i)],open:i}}function pr(e){return e.length===1&&e[0]?.kind==="text"&&e[0].weight===1?0:null}function Ht(e,t){let n=t===null?void 0:e[t];return n?.kind==="text"?n.text:""}function $i(e,t){return JSON.stringify(e)===JSON.stringify(t)}function gr({isStart:e}){let t=fr(),{parts:n,hasChips:r,addPictures:o}=t;return Xe(s=>{o(s)}),l`<form class="query-bar" role="search" onSubmit=${s=>{s.preventDefault(),t.finish()}}>
<${vi} query=${t} />
${e&&l`<${wi} onFiles=${o} />`}
${r&&l`<${mr} parts=${n} onChange=${s=>t.change(s)} />`}
<p class="parts-full" role="status">
${n.length>=B?`A search has at most ${B} parts. Remove a part to add another.`:""}
</p>
</form>`}function vi({query:e}){let{draft:t,hasChips:n,addPictures:r}=e,o=()=>{e.pin(),document.getElementById("query")?.focus()};return l`<div class="field">
<${k} name="search" />
<input
id="query"
type="search"
name="text"
aria-label="Describe a cover"
placeholder=${n?"Add words":"Describe a cover"}
maxlength=${St}
autocomplete="off"
enterkeyhint="search"
dir="auto"
value=${t}
onInput=${i=>e.type(i.target.value)}
onBlur=${e.endPhrase}
/>
${t.trim()&&l`<button type="button" class="field-button field-pin" title="Keep these words and add more" onClick=${o}>
<${k} name="plus" /><span class="hidden">Keep these words as a part, and add another part</span>
</button>`}
<${hr} label="Choose a picture" icon="picture" onFiles=${r} />
<${hr} label="Take a photo" icon="camera" camera onFiles=${r} />
</div>`}function wi({onFiles:e}){return l`<label class="drop-zone">
<${k} name="picture" />
<span class="for-mouse">Drop a picture here, paste it, or choose one</span>
<span class="for-touch">Choose a picture of a cover</span>
<${yr} onFiles=${e} multiple />
</label>`}function hr({label:e,icon:t,camera:n=!1,onFiles:r}){return l`<label class=${`field-button ${n?"field-camera":""}`} title=${e}>
<${k} name=${t} /><span class="hidden">${e}</span>
<${yr} onFiles=${r} capture=${n?"environment":void 0} multiple=${!n} />
</label>`}function yr({onFiles:e,multiple:t=!1,capture:n}){return l`<input
class="hidden"
type="file"
accept="image/*,.heic,.heif,.avif"
capture=${n}
multiple=${t}
onChange=${o=>{let i=o.target,s=[...i.files??[]];i.value="",s.length&&e(s)}}
/>`}var br=new Map;function _r({address:e,match:t,position:n}){let[r,o]=g(null),[i,s]=g(null),a=Math.floor(n/Ue)*Ue;if(h(()=>{let m=new AbortController;return Si(e,a,m.signal).then(u=>o(u.get(t.id)??{parts:[],words:[]}),u=>se(u)||s(u)),()=>m.abort()},[t.id]),i!==null)return l`<p class="why" role="alert">${le(i).title}.</p>`;if(r===null)return l`<p class="why" role="status">Looking closer …</p>`;let c=ue(e,0).parts.map(m=>m.kind==="text"?`“${m.text}”`:m.kind==="image"?"the picture":"the other album");return l`<div class="why" role="status">
${r.parts.length>1&&l`<ul class="why-parts">
${r.parts.map(({part:m,contribution:u})=>l`<li key=${m}>
<span dir="auto">${c[m]}</span>
<span class=${`why-number ${u<0?"is-negative":""}`}>${xi(u)}</span>
</li>`)}
</ul>`}
${r.words.length>0?l`<p>The cover looks like <strong>${r.words.map(({word:m})=>m).join(", ")}</strong>.</p>`:l`<p>No word of the vocabulary is close to this cover.</p>`}
</div>`}function xi(e){return`${e<0?"−":"+"}${Math.abs(e).toFixed(3)}`}async function Si(e,t,n){let r=`${t} ${de(e)??""}`,o=br.get(r);if(o)return o;let i=async c=>(await X(c)).blob,{result:s}=await ce(x,ue(e,t,!0),{signal:n,picture:i}),a=new Map(s.results.map(c=>[c.id,c.explain??{parts:[],words:[]}]));return br.set(r,a),a}var ki="(max-width: 40rem) 45vw, 14rem";function $r({match:e,position:t}){let{address:n,go:r}=_(),[o,i]=g(!1),s=W(e),a=c=>{r(oe(n,e.id,c)),document.getElementById("results-heading")?.focus()};return l`<li class="card">
<a
class="card-link"
href=${C({...n,album:e.id})}
onClick=${R(()=>r({album:e.id}))}
>
<span class="card-cover"><${H} album=${e} sizes=${ki} isNamed /></span>
<span class="card-title"><bdi>${e.album_name}</bdi></span>
<span class="card-artist"><bdi>${e.artist}</bdi></span>
</a>
<p class="card-facts">
${Kn(e).join(" · ")}
${e.best_new_music&&l`<span class="mark">Best new music</span>`}
</p>
<div class="card-foot">
<${Pi} value=${e.similarity} />
<div class="card-actions">
<button type="button" title="More like this" aria-label=${`More like ${s}`} onClick=${()=>a(1)}>
<${k} name="plus" />
</button>
<button type="button" title="Less like this" aria-label=${`Less like ${s}`} onClick=${()=>a(-.5)}>
<${k} name="minus" />
</button>
<button
type="button"
title="Why?"
aria-label=${`Why ${s}?`}
aria-expanded=${o}
onClick=${()=>i(!o)}
>
<${k} name="why" />
</button>
</div>
</div>
${o&&l`<${_r} address=${n} match=${e} position=${t} />`}
</li>`}function Pi({value:e}){let t=Math.max(0,Math.min(1,e));return l`<span class="similarity" title=${`Similarity ${e.toFixed(3)}, at most 1`}>
<span class="hidden">Similarity</span>
<span class="similarity-track"><span class="similarity-bar" style=${{width:`${100*t}%`}}></span></span>
<span class="similarity-number">${(Math.round(e*100)/100).toFixed(2).replace("-","−")}</span>
</span>`}function vr(e){if(e.altKey||e.ctrlKey||e.metaKey)return;let n=[...e.currentTarget.querySelectorAll(".card-link")],r=n.findIndex(i=>i.parentElement?.contains(document.activeElement));if(r<0)return;let o=n[Ti(e.key,r,{count:n.length,columns:Ai(n)})];o!==void 0&&(e.preventDefault(),o.focus(),o.scrollIntoView({block:"nearest"}))}function Ti(e,t,n){switch(e){case"ArrowRight":return Math.min(t+1,n.count-1);case"ArrowLeft":return Math.max(t-1,0);case"ArrowDown":return t+n.columns<n.count?t+n.columns:-1;case"ArrowUp":return t-n.columns;case"Home":return 0;case"End":return n.count-1;default:return-1}}function Ai(e){let t=e[0]?.getBoundingClientRect().top,n=e.findIndex(r=>r.getBoundingClientRect().top!==t);return n<0?e.length:n}var Ei=300,Ci=3e3;function Ye({search:e}){let t=e.loading!==null,n=wr(t,Ei),r=e.job?.status==="queued",o=wr(r,Ci),i=Ni(o);if(!n&&e.job===null)return null;let s=o&&i===!1?"No worker is running. The search waits for one.":Mi(e);return l`<div class="waiting">
<progress class="waiting-bar" aria-label="Progress" value=${e.upload!==null&&e.upload<1?e.upload:void 0}></progress>
<p role="status">${s}</p>
<button type="button" class="button" onClick=${e.cancel}>Cancel</button>
</div>`}function Mi({upload:e,job:t}){if(e!==null&&e<1)return`Uploading: ${Math.round(100*e)} %`;if(t?.status==="running")return"Looking at the covers …";if(t?.status==="queued"){let n=(t.queue_position??1)-1;return n===0?"Next in the queue …":n===1?"One search is ahead of this one …":`${n} searches are ahead of this one …`}return"Searching …"}function wr(e,t){let[n,r]=g(!1);return h(()=>{if(r(!1),!e)return;let o=setTimeout(()=>r(!0),t);return()=>clearTimeout(o)},[e,t]),n&&e}function Ni(e){let[t,n]=g(null);return h(()=>{if(n(null),!e)return;let r=new AbortController;return F(x,{path:"health",signal:r.signal}).then(o=>n(o.workers>0),()=>{}),()=>r.abort()},[e]),t}function xr({search:e,isStale:t}){let{matches:n}=e;return l`<div class=${`results ${t?"is-stale":""}`} aria-busy=${e.loading!==null}>
<ol class="grid" onKeyDown=${vr}>
${n.map((r,o)=>l`<${$r} key=${r.id} match=${r} position=${o} />`)}
</ol>
${!t&&e.error!==null&&l`<${j} error=${e.error} onRetry=${e.retry} />`}
${!t&&e.end===null&&e.error===null&&l`<${Ri} search=${e} />`}
${e.loading==="more"&&l`<${Ye} search=${e} />`}
${!t&&e.end!==null&&n.length>0&&l`<p class="end" tabindex="-1">${Li(e)}</p>`}
</div>`}function Ri({search:e}){let t=M(null),n=M(e.loadMore);return n.current=e.loadMore,h(()=>{if(t.current===null)return;let r=new IntersectionObserver(o=>o.some(i=>i.isIntersecting)&&n.current(),{rootMargin:"800px"});return r.observe(t.current),()=>r.disconnect()},[e.next,e.shown]),l`<button ref=${t} type="button" class="button load-more" onClick=${e.loadMore}>
${e.loading==="more"?"Loading more …":"Load more"}
</button>`}function Li(e){let{address:t}=_(),{minSimilarity:n}=t,r=e.matches.length;if(e.end==="limit")return`The first ${r.toLocaleString("en")} albums are shown. A search ranks no more; a filter leads to others.`;let o=r===1,i=[z({...t,minSimilarity:null})>0?`${o?"meets":"meet"} the filters`:"",n===null?"":`${o?"is":"are"} similar enough`].filter(Boolean),s=i.length?`that ${i.join(" and ")}`:"of the catalog",a=t.parts.some(c=>c.kind==="album")?", apart from those of the search":"";return`${o?"This is the only album":`These are all ${I(r,"album")}`} ${s}${a}.`}var Fi=24,Ii=6,Oi=7,Di=6;function Sr({facets:e}){let t=D("first albums",()=>F(x,{path:"api/albums",query:[["limit",String(Fi)]]})).value?.albums;return l`<div class="suggestions">
<${Vi} first=${t?.[0]?.id??null} />
<${ji} facets=${e} />
<${Hi} facets=${e} />
<${qi} albums=${t??[]} />
</div>`}function Vi({first:e}){let{go:t}=_(),n=D(e&&"phrases",async()=>{let r={parts:[{kind:"album",id:e??"",weight:1}],filters:O,minSimilarity:null,k:50,offset:0,explain:!0},{result:o}=await ce(x,r,{picture:()=>Promise.reject(new Error("no picture"))});return Bi(o.results)}).value;return l`<div class="suggestion-row" role="group" aria-label="Words to begin with">
${(n??[]).map(r=>{let o=[{kind:"text",text:r,weight:1}];return l`<a
key=${r}
class="pill"
href=${C({...A,parts:o})}
onClick=${R(()=>t({...A,parts:o}))}
>${r}</a
>`})}
</div>`}function Bi(e){let t=new Set;for(let n of e){let r=n.explain?.words??[],o=r.find(s=>s.group==="colour"&&!s.word.includes(" ")),i=r.find(s=>s.group==="object");o&&i&&![...t].some(s=>s.endsWith(` ${i.word}`))&&t.add(`${o.word} ${i.word}`)}return[...t].slice(0,Ii)}function ji({facets:e}){let{go:t}=_(),n=e===null?[]:me(e);return l`<div class="suggestion-row" role="group" aria-label="Colours to begin with">
${n.slice(0,Oi).map(({color:r,hex:o})=>{let i={...O,color:o};return l`<a
key=${o}
class="pill"
href=${C({...A,filters:i})}
onClick=${R(()=>t({...A,filters:i}))}
><span class="dot" style=${{backgroundColor:o}}></span>${r}</a
>`})}
</div>`}function Hi({facets:e}){let{go:t}=_(),n=(e?.genres??[]).flatMap(({genre:r})=>r===null?[]:[r]);return l`<div class="suggestion-row" role="group" aria-label="Genres to begin with">
${n.slice(0,Di).map(r=>{let o={...O,genres:[r]};return l`<a
key=${r}
class="pill"
href=${C({...A,filters:o})}
onClick=${R(()=>t({...A,filters:o}))}
>${r}</a
>`})}
</div>`}function qi({albums:e}){let{go:t}=_();return l`<ul class="wall" aria-label="Covers to begin with">
${e.map(n=>l`<li key=${n.id}>
<a
href=${C({...A,...oe(A,n.id,1)})}
title=${`More like ${W(n)}`}
onClick=${R(()=>t(oe(A,n.id,1)))}
>
<${H} album=${n} sizes="(max-width: 40rem) 30vw, 12vw" />
</a>
</li>`)}
</ul>`}var Ui=[["queue","In the queue"],["decode","Decoding the picture"],["embed","Reading it with the model"],["search","Comparing the covers"],["total","Together"]],Wi={hit:"from the cache; the times are those of the first search",miss:"computed for this search",coalesced:"shared with the same search of somebody else"};function Pr({found:e}){let{timings_ms:t,model:n,truncated:r}=e.result,o=M(null);return Ji(o),l`<details ref=${o} class="timings">
<summary title="How long it took"><${k} name="clock" />${e.cache==="hit"?"from the cache":kr(t.total)}</summary>
<div class="timings-panel">
<table>
<caption class="hidden">Times of this search</caption>
<tbody>
${Ui.map(([i,s])=>l`<tr key=${i}>
<th scope="row">${s}</th>
<td>${kr(t[i])}</td>
</tr>`)}
<tr>
<th scope="row"><code>X-Cache</code></th>
<td><code>${e.cache??"none"}</code></td>
</tr>
</tbody>
</table>
<p>The answer was ${Wi[e.cache??""]??"computed"}. Model: ${n}.</p>
${r&&l`<p>The text is longer than the model reads; its end was ignored.</p>`}
</div>
</details>`}function Ji(e){h(()=>{let t=new AbortController,{signal:n}=t,r=()=>e.current?.removeAttribute("open"),o=s=>{e.current?.contains(s.target)||r()},i=s=>{s.key!=="Escape"||!e.current?.open||(e.current.contains(document.activeElement)&&e.current.querySelector("summary")?.focus(),r())};return addEventListener("pointerdown",o,{signal:n}),addEventListener("keydown",i,{signal:n}),()=>t.abort()},[])}function kr(e){return e<10?`${e.toFixed(1)} ms`:`${Math.round(e).toLocaleString("en")} ms`}function Tr(){let{address:e}=_(),t=ke(e.filters),n=Qn(ke(O).value,t.value),r=qn(e),o=de(e)!==null;return l`<div class=${`search ${o?"has-search":"is-start"}`}>
<div class="ask">
${!o&&l`<${Gi} total=${t.value?.total_albums??null} />`}
<${gr} isStart=${!o} />
<${Ki} />
</div>
${o?l`<div class="search-columns">
<${ur} facets=${n} search=${r} onRecount=${t.error===null?void 0:t.reload} />
<${Xi} search=${r} facets=${n} />
</div>`:t.error!==null?l`<${j} error=${t.error} onRetry=${t.reload} />`:l`<${Sr} facets=${t.value} />`}
</div>`}function Gi({total:e}){return l`<div class="welcome">
<h1 tabindex="-1">Find an album by its cover</h1>
<p>Describe what you see, or drop a picture.</p>
<p class="welcome-count">${e===null?"":`${I(e,"cover")} to look through.`}</p>
</div>`}function Ki(){let{address:e}=_();return l`<div role="status">
${e.ignored.map(({given:t,allowed:n})=>l`<p key=${t} class="note ignored">
The address contains <bdi>${t}</bdi>, which is ignored because the value is not ${n}.
</p>`)}
</div>`}function Xi({search:e,facets:t}){let{address:n}=_(),{first:r,matches:o}=e,i=e.shown!==de(n),s=n.parts.length===1&&n.parts[0]?.kind==="text"?n.parts[0].text:null,a=e.error!==null&&(i||o.length===0);return l`<section class="outcome" aria-labelledby="results-heading">
<${zi} search=${e} isStale=${i} facets=${t} />
${s!==null&&l`<${dr} text=${s} />`}
${e.loading!=="more"&&l`<${Ye} search=${e} />`}
${a?l`<${Zi} search=${e} />`:r!==null&&o.length===0&&!i?l`<${ir} facets=${t} />`:l`<${xr} search=${e} isStale=${i} />`}
</section>`}function zi({search:e,isStale:t,facets:n}){let{address:r,go:o}=_(),i=ze(r,n),s=Yi(e,t,Qi(r,n?.total_albums??null));return l`<header class="results-header">
<div class="results-title">
<h1 id="results-heading" tabindex="-1">${s}</h1>
<p class="hidden" role="status">${s}</p>
${e.first&&!t&&l`<${Pr} found=${e.first} />`}
<a
class="button button-quiet code-button"
href=${C({...r,code:!0})}
onClick=${R(()=>o({code:!0}))}
><${k} name="code" />Code</a
>
</div>
${i.length>0&&l`<ul class="tokens" aria-label="Active filters">
${i.map(({label:a,without:c})=>l`<li key=${a}>
<button type="button" class="token" aria-label=${`Remove the filter ${a}`} onClick=${()=>o(c)}>
<span dir="auto">${a}</span><${k} name="close" />
</button>
</li>`)}
${i.length>1&&l`<li><button type="button" class="link" onClick=${()=>o(fe)}>Remove all</button></li>`}
</ul>`}
${r.parts.length===0&&l`<p class="note">Ordered by likeness to “${Se}”.</p>`}
</header>`}function Qi(e,t){if(t===null||e.minSimilarity!==null)return null;let n=new Set(e.parts.flatMap(r=>r.kind==="album"?[r.id]:[])).size;return n===0||z(e)===0?t-n:null}function Yi(e,t,n){if(t&&e.error===null)return e.matches.length?"Searching …":"Looking at the covers …";if(e.error!==null&&(t||!e.matches.length))return"No answer";let r=e.end==="exhausted"?e.matches.length:n;return r===0?"No albums":r===null?"Albums by similarity":`${I(r,"album")} by similarity`}function Zi({search:e}){let{address:t,go:n}=_(),[r,o]=g(null);h(()=>o(null),[e.error]);let i=t.parts.filter(a=>a.kind==="image"),s=async()=>{let a=location.search;try{let c=await Promise.all(t.parts.map(es));location.search===a&&n({parts:c},{replace:!0})}catch{o(new N("picture_unreadable","this browser cannot decode the picture"))}};return l`<${j}
error=${r??e.error}
onRetry=${e.retry}
onShrink=${i.length?()=>{s()}:void 0}
onRemovePicture=${i.length?()=>n({parts:t.parts.filter(a=>a.kind!=="image")}):void 0}
/>`}async function es(e){if(e.kind!=="image")return e;let t=await X(e.id),n=await ae(await or(t.blob),t.name);return{...e,id:n.id}}var qt=560,he=140,ts=20;function Wt({title:e,intervals:t,value:n}){let r=t.map(m=>n==="rate"?m.count/m.seconds:m.duration_ms.p50??0),o=Math.max(...r,0),i=qt/Math.max(1,r.length),s=t.map(m=>(m.status_classes["5xx"]??0)/Math.max(1,m.count)),a=r.at(-1)??0,c=`${e}: now ${Ut(a)}, at most ${Ut(o)} in the last five minutes`;return l`<section class="chart" aria-label=${e}>
<h2>${e}</h2>
<svg viewBox=${`0 0 ${qt} ${he}`} role="img" aria-label=${c}>
<text class="bar-count" x="0" y="8">${Ut(o)}</text>
<line class="axis" x1="0" y1=${he-.5} x2=${qt} y2=${he-.5} />
${r.map((m,u)=>{let p=o===0?0:(he-ts)*m/o,f=u*i+i*.15,d=n==="rate"?s[u]??0:0;return l`<g key=${u}>
<rect class="bar" x=${f} y=${he-p} width=${i*.7} height=${p} rx="1.5" />
${d>0&&l`<rect class="bar-failed" x=${f} y=${he-p*d} width=${i*.7} height=${p*d} />`}
</g>`})}
</svg>
</section>`}function Ut(e){return e===0?"0":e<10?e.toFixed(1):Math.round(e).toLocaleString("en")}var Jt=2e3,ns=1024*1024;function Ar(){let{figures:e,error:t,retry:n}=is();return l`<div class="service">
<header class="view-header">
<h1 tabindex="-1">The service</h1>
<p class="lead">${e===null?"Reading the figures …":`Version ${e.version}, the last five minutes`}</p>
</header>
${t!==null&&l`<${j} error=${t} onRetry=${n} />`}
${e!==null&&l`<${rs} figures=${e} />`}
</div>`}function rs({figures:e}){let{queue:t,memory:n,requests:r,cache:o,problems:i}=e;return l`<div class="figures">
${Object.entries(i).map(([s,a])=>l`<p class="note" role="alert" key=${s}>${s}: ${a}</p>`)}
<dl class="tiles">
<${Q} label="Waiting" value=${t&&String(t.depth+t.parked)} />
<${Q} label="Running" value=${t&&String(t.running)} />
<${Q} label="Oldest in the queue" value=${t&&ss(t.oldest_age_s)} />
<${Q} label="From the cache" value=${o&&as(o.hit_ratio)} />
<${Q} label="Requests" value=${r&&r.count.toLocaleString("en")} />
<${Q} label="Median answer" value=${r&&Ze(r.duration_ms.p50)} />
<${Q} label="99th percentile" value=${r&&Ze(r.duration_ms.p99)} />
<${Q} label="Pictures held" value=${n&&`${(n.image_bytes/ns).toFixed(1)} MiB`} />
</dl>
${r&&l`<div class="charts">
<${Wt} title="Requests per second" intervals=${r.intervals} value="rate" />
<${Wt} title="Median duration in ms" intervals=${r.intervals} value="duration" />
</div>`}
<${Gt} title="Workers" head=${["Worker","State","Model","Runs on","Running","Per second"]} rows=${(e.workers??[]).map(os)} empty="No worker is running." />
<${Gt}
title="Endpoints"
head=${["Endpoint","Requests","Median","99th percentile"]}
rows=${(r?.by_route??[]).map(s=>[`${s.method} ${s.route??"unknown path"}`,s.count.toLocaleString("en"),Ze(s.duration_ms.p50),Ze(s.duration_ms.p99)])}
empty="No request yet."
/>
<${Gt}
title="Problems"
head=${["Code","Status","Answers"]}
rows=${(r?.by_problem??[]).map(({code:s,status:a,count:c})=>[s,String(a),c.toLocaleString("en")])}
empty="No request was refused in the last five minutes."
/>
</div>`}function Q({label:e,value:t}){return l`<div class="tile">
<dt>${e}</dt>
<dd>${t??"–"}</dd>
</div>`}function Gt({title:e,head:t,rows:n,empty:r}){return l`<section class="figure-table" aria-label=${e}>
<h2>${e}</h2>
${n.length===0?l`<p class="note">${r}</p>`:l`<div class="table-room" tabindex="0" role="region" aria-label=${`${e}, as a table`}>
<table>
<thead>
<tr>${t.map(o=>l`<th scope="col" key=${o}>${o}</th>`)}</tr>
</thead>
<tbody>
${n.map((o,i)=>l`<tr key=${i}>
${o.map((s,a)=>a===0?l`<th scope="row">${s}</th>`:l`<td>${s}</td>`)}
</tr>`)}
</tbody>
</table>
</div>`}
</section>`}function os(e){return[`${e.host??"unknown"}, process ${e.pid??"?"}`,e.ready?"ready":e.error??"starting",e.model??"–",[e.device,e.encoder,e.precision].filter(Boolean).join(", ")||"–",e.running===null?"–":`${e.running} of ${e.concurrency??"?"}`,e.runs_per_s?.toFixed(1)??"–"]}function is(){let[e,t]=g(null),[n,r]=g(null),[o,i]=g(0);return h(()=>{let s=new AbortController,a=0,c=async()=>{try{t(await F(x,{path:"api/service",signal:s.signal})),r(null),a=setTimeout(m,Jt)}catch(u){if(se(u))return;r(u),le(u).remedy==="retry"&&(a=setTimeout(m,Jt))}},m=()=>{document.hidden?a=setTimeout(m,Jt):c()};return m(),()=>{s.abort(),clearTimeout(a)}},[o]),{figures:e,error:n,retry:()=>i(s=>s+1)}}function Ze(e){return e===null?"–":e<10?`${e.toFixed(1)} ms`:`${Math.round(e).toLocaleString("en")} ms`}function ss(e){return e===null?"–":`${e.toFixed(1)} s`}function as(e){return e===null?"–":`${Math.round(100*e)} %`}function Er(){h(()=>{let e=null,t=o=>{e=o.target},n=()=>queueMicrotask(()=>{e?.isConnected&&document.activeElement===document.body&&(e=null)}),r=new MutationObserver(()=>{e===null||e.isConnected||document.activeElement!==document.body||ls(e)?.focus({preventScroll:!0})});return document.addEventListener("focusin",t),document.addEventListener("focusout",n),r.observe(document.body,{childList:!0,subtree:!0}),()=>{document.removeEventListener("focusin",t),document.removeEventListener("focusout",n),r.disconnect()}},[])}function ls(e){let t=document.querySelector("dialog[open] .dialog-close");return t!==null?t:(e.matches(".load-more")?document.querySelector(".end"):null)??document.querySelector("main h1")}var cs=[["search","Search"],["catalog","Catalog"],["service","Service"]];function Cr(){let e=Jn(),{view:t,album:n,code:r}=e.address,o=ps(e.address);return h(()=>{document.title=o},[o]),ms(),Er(),l`<${Ct.Provider} value=${e}>
<a class="skip" href="#main">Skip to the content</a>
<${us} />
<${ds} />
<main id="main" tabindex="-1">
${t==="search"&&l`<${Tr} />`}
${t==="catalog"&&l`<${Zn} />`}
${t==="service"&&l`<${Ar} />`}
</main>
${t!=="search"&&l`<${fs} />`}
${n!==null&&l`<${Xn} key="album" id=${n} />`}
${r&&n===null&&t==="search"&&l`<${nr} />`}
<div class="drop-note" aria-hidden="true"><p>Drop the picture to search with it</p></div>
<//>`}function us(){let{address:e,go:t}=_();return l`<header class="header">
<a class="wordmark" href=${C(A)} onClick=${R(()=>t(A))}>
<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
<circle cx="16" cy="16" r="12" fill="none" stroke="currentColor" stroke-width="2.5" />
<circle class="logo-dot" cx="16" cy="16" r="4" />
</svg>
Cover search
</a>
<nav aria-label="Views">
${cs.map(([n,r])=>l`<a
key=${n}
href=${C({...A,view:n})}
aria-current=${e.view===n?"page":void 0}
onClick=${R(()=>t({...A,view:n}))}
>${r}</a
>`)}
<a href="../docs">API</a>
</nav>
</header>`}function ds(){let[e,t]=g(navigator.onLine);return h(()=>{let n=()=>t(navigator.onLine);return addEventListener("online",n),addEventListener("offline",n),()=>{removeEventListener("online",n),removeEventListener("offline",n)}},[]),l`<div role="status">
${!e&&l`<p class="offline">You are offline. The page continues when the connection is back.</p>`}
</div>`}function ms(){De(()=>{let e=t=>{let n=t.target instanceof HTMLElement&&t.target.matches("input, select, textarea");if(t.key!=="/"||n||t.ctrlKey||t.metaKey||document.querySelector("dialog[open]"))return;let r=document.getElementById("query");r!==null&&(t.preventDefault(),r.focus(),r.select())};return addEventListener("keydown",e),()=>removeEventListener("keydown",e)},[])}function ps({view:e,parts:t}){let r={search:t.flatMap(o=>o.kind==="text"?[o.text]:[]).join(", "),catalog:"The catalog",service:"The service"}[e];return r?`${r} · Cover search`:"Cover search"}function fs(){let{go:e}=_();return Xe(t=>{Promise.all(t.slice(0,B).map(n=>ae(n,n.name))).then(n=>e({...A,parts:n.map(({id:r})=>({kind:"image",id:r,weight:1}))}))}),null}$t();var Mr=document.getElementById("page"),hs=0;function Nr(){Mr!==null&&cn(l`<${Cr} key=${hs+=1} />`,Mr)}Nr();addEventListener("hashchange",()=>$t()&&Nr());
